#include "pipeline/stages/validation.h"

#include <filesystem>

#include "configs/check.h"
#include "model/tensors/durable_file.h"

namespace amalgam::pipeline {
namespace {
namespace fs = std::filesystem;
const char kPrefix[] = "validation/", kStepPrefix[] = "step-";
}  // namespace

BestCheckpoint::BestCheckpoint(RunContext& run, const std::string& stage)
    : run_(run), stage_(stage) {
  std::map<int64_t, double> by_step;
  for (const auto& [name, value] : run.store.figures(stage))
    if (name.starts_with(kPrefix)) by_step[std::stoll(name.substr(sizeof kPrefix - 1))] = value;
  for (const auto& [step, score] : by_step)
    if (score >= best_score_) best_step_ = step, best_score_ = score;
}

std::string BestCheckpoint::folder() const { return run_.run_dir + "/checkpoints/" + stage_; }
std::string BestCheckpoint::directory() const { return folder() + "/best"; }

bool BestCheckpoint::has(int64_t step) const {
  return run_.store.figure(stage_, kPrefix + std::to_string(step)).has_value();
}

double BestCheckpoint::score(int64_t step) const {
  return run_.store.figure(stage_, kPrefix + std::to_string(step)).value();
}

void BestCheckpoint::record(int64_t step, double score, TrainingJob& job) {
  if (score >= best_score_) {
    job.save(directory(), false);
    best_step_ = step, best_score_ = score;
  }
  if (run_.config.keep_last > 0) keep(step, job);
  // The validated step last: it says that all else is recorded.
  run_.store.set_figure(stage_, "best_step", static_cast<double>(best_step_));
  run_.store.set_figure(stage_, "best_score", best_score_);
  run_.store.set_figure(stage_, kPrefix + std::to_string(step), score);
}

// Saves this step's model and removes those that are too many.
void BestCheckpoint::keep(int64_t step, TrainingJob& job) {
  job.save(folder() + "/" + kStepPrefix + std::to_string(step), false);
  std::map<int64_t, fs::path> by_step;
  for (const auto& entry : fs::directory_iterator(folder())) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kStepPrefix) && entry.path().extension().empty())  // complete ones
      by_step[std::stoll(name.substr(sizeof kStepPrefix - 1))] = entry.path();
  }
  while (static_cast<int64_t>(by_step.size()) > run_.config.keep_last) {
    fs::remove_all(by_step.begin()->second);
    by_step.erase(by_step.begin());
  }
}

void BestCheckpoint::finish(const std::string& out) {
  CHECK_GE(best_step_, 0);
  model::move_directory(model::complete_directory(directory()), out);
  fs::remove(run_.state_path(stage_));
  if (run_.config.keep_last == 0) fs::remove_all(folder());
  remove_token_logs(run_.run_dir, stage_);  // one that a kill kept from being forgotten
}

}  // namespace amalgam::pipeline
