#include "pipeline/stages/validation.h"

#include <cmath>
#include <filesystem>
#include <map>

#include "configs/check.h"
#include "model/tensors/durable_file.h"
#include "pipeline/run_store/results.h"

namespace amalgam::pipeline {
namespace {
namespace fs = std::filesystem;
const char kStepPrefix[] = "step-";
const std::string kPrefix = kValidationFigurePrefix;
}  // namespace

BestCheckpoint::BestCheckpoint(RunContext& run, const std::string& stage, Choose choose)
    : run_(run), stage_(stage), choose_(choose) {
  std::map<int64_t, double> by_step;
  for (const auto& [name, value] : run.store.figures(stage))
    if (name.starts_with(kPrefix)) by_step[std::stoll(name.substr(kPrefix.size()))] = value;
  for (const auto& [step, score] : by_step)
    if (is_better(step, score)) best_step_ = step, best_score_ = score;
}

bool BestCheckpoint::is_better(int64_t step, double score) const {
  return step > 0 && (!has_best() || choose_ == Choose::kLast || score >= best_score_);
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
  CHECK(std::isfinite(score));
  if (is_better(step, score)) {
    job.save(directory(), false);
    best_step_ = step, best_score_ = score;
    run_.store.set_figure(stage_, kBestStepFigure, static_cast<double>(step));
    run_.store.set_figure(stage_, kBestScoreFigure, score);
    if (choose_ == Choose::kLast) run_.store.set_figure(stage_, kKeepsLastFigure, 1);
  }
  if (run_.config.keep_last > 0 && step > 0) keep(step, job);
  // The validated step last: it says that all else is recorded.
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

void BestCheckpoint::finish(const std::string& out, TrainingJob& job, AfterEnd after) {
  if (has_best())
    model::move_directory(model::complete_directory(directory()), out);
  else
    job.save(out, false);
  if (after == AfterEnd::kRemoveState) {
    fs::remove(run_.state_path(stage_));
    if (run_.config.keep_last == 0) fs::remove_all(folder());
  }
  remove_token_logs(run_.run_dir, stage_);  // one that a kill kept from being forgotten
}

void BestCheckpoint::reopen(const std::string& out) {
  if (!fs::exists(out)) return;
  if (has_best())
    model::move_directory(out, directory());
  else
    fs::remove_all(out);
}

}  // namespace amalgam::pipeline
