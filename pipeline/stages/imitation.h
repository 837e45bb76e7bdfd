// Supervised training on the teachers' own answers, step by step beside the distillation: the same
// prompts, as many answers and updates, but it is the teachers that write them.
#pragma once
#include "pipeline/stages/distill.h"

namespace amalgam::pipeline {

// Each prompt's answers are sampled by one of its teachers, drawn in proportion to their weights,
// at distill.rollout.temperature, and the model imitates all of them, right or wrong: mean
// cross-entropy over the tokens that the teacher wrote. Answers that the infrastructure failed are
// left out. Rates, steps and choices are those of `job`; does nothing if out_dir is there.
void run_imitation(RunContext& run, const DistillJob& job);

}  // namespace amalgam::pipeline
