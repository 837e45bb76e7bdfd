#include "pipeline/stages/rate_choice.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "pipeline/run_store/results.h"

namespace amalgam::pipeline {

std::string rate_stage(const std::string& model, double lr) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", lr);
  return candidate_prefix(model) + text;
}

void train_with_best_rate(
    RunContext& run, const RateChoice& choice,
    const std::function<std::unique_ptr<SamplingStage>(double lr)>& stage_of) {
  if (std::filesystem::exists(choice.out_dir)) return;
  double best_lr = choice.rates[0], best_score = kUnknown;
  if (choice.rates.size() > 1)
    for (const double lr : choice.rates) {
      const int64_t end = std::min(choice.sweep_steps, choice.steps);
      // Known already where a resumed run is past it.
      const auto known = BestCheckpoint(run, rate_stage(choice.model, lr));
      const double score = known.has(end) ? known.score(end) : stage_of(lr)->run(end);
      run.store.record_sweep({choice.model, kLearningRate, lr, {.mean = score}});
      if (!(score <= best_score)) best_lr = lr, best_score = score;
    }
  for (const double lr : choice.rates)
    if (lr != best_lr)
      std::filesystem::remove_all(run.path("checkpoints/" + rate_stage(choice.model, lr)));
  const auto stage = stage_of(best_lr);
  stage->run(choice.steps);
  stage->finish();
}

}  // namespace amalgam::pipeline
