// One model, GRPO on the prompts of all domains mixed: what specialists and their merging are
// measured against.
#pragma once
#include <string>
#include <vector>

#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {

// RUN/NAME or RUN/NAME-GROUP (merged_name) from what the student starts from, with the student's
// steps, samples, updates and validations: distill.data.train_batch_size · distill.rollout.n
// samples a step in groups of compare.n (0: rl.rollout.n), one update of all. Advantage, loss and
// optimiser are those of [rl], penalties of length each domain's own. Does nothing if it is there.
void run_mixed_rl(RunContext& run, const configs::CompareConfig& compare,
                  const std::string& student_group);

// Those of the entry, or as many as the student's around rl.optim.lr.
std::vector<double> mixed_rl_rates(const configs::RunConfig& config,
                                   const configs::CompareConfig& compare);

}  // namespace amalgam::pipeline
