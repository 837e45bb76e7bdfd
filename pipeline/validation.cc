#include "pipeline/validation.h"

#include <filesystem>

#include "configs/check.h"
#include "model/durable_file.h"

namespace amalgam::pipeline {
namespace {
const char kPrefix[] = "validation/";
}

BestCheckpoint::BestCheckpoint(RunContext& run, const std::string& stage)
    : run_(run), stage_(stage) {
  std::map<int64_t, double> by_step;
  for (const auto& [name, value] : run.store.figures(stage))
    if (name.starts_with(kPrefix)) by_step[std::stoll(name.substr(sizeof kPrefix - 1))] = value;
  for (const auto& [step, score] : by_step)
    if (score >= best_score_) best_step_ = step, best_score_ = score;
}

std::string BestCheckpoint::directory() const {
  return run_.run_dir + "/checkpoints/" + stage_ + "/best";
}

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
  // The validated step last: it says that all else is recorded.
  run_.store.set_figure(stage_, "best_step", static_cast<double>(best_step_));
  run_.store.set_figure(stage_, "best_score", best_score_);
  run_.store.set_figure(stage_, kPrefix + std::to_string(step), score);
}

void BestCheckpoint::finish(const std::string& out) {
  CHECK_GE(best_step_, 0);
  model::move_directory(model::complete_directory(directory()), out);
  std::filesystem::remove_all(run_.run_dir + "/checkpoints/" + stage_);
  remove_token_logs(run_.run_dir, stage_);  // one that a kill kept from being forgotten
}

}  // namespace amalgam::pipeline
