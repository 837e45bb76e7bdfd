// Training a model with the best of several learning rates: each trains for a while, the best on
// the validation prompts goes on. What is chosen so differs in nothing but the rate.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/stages/sampling_stage.h"

namespace amalgam::pipeline {

// The training of `model` with this rate: its stage.
std::string rate_stage(const std::string& model, double lr);

struct RateChoice {
  std::string model, out_dir;
  std::vector<double> rates;  // at least one
  int64_t steps = 0, sweep_steps = 0;
};
// Leaves the chosen weights in out_dir; does nothing if it is there. Continues an interrupted
// choice. `stage_of` makes a training of `steps`.
void train_with_best_rate(RunContext& run, const RateChoice& choice,
                          const std::function<std::unique_ptr<SamplingStage>(double lr)>& stage_of);

}  // namespace amalgam::pipeline
