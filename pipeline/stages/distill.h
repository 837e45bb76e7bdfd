// The student: on-policy distillation from all specialists, and its baselines.
#pragma once
#include <string>

#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {

struct DistillJob {
  std::string stage;
  std::string start_dir, out_dir;                             // model directories
  std::vector<std::pair<std::string, std::string>> teachers;  // domain, model directory
  configs::Objective objective = configs::Objective::kExact;
  double lr = 0;
};

// Trains and leaves the best weights in out_dir; does nothing if it is there. Continues an
// interrupted job.
void run_distill_job(RunContext& run, const DistillJob& job);

// RUN/student (exact objective) and RUN/sampled_kl (sampled-token estimate): the same prompts, keys
// and number of updates, each with the best learning rate of the same candidates.
void run_distill_stage(RunContext& run);
// RUN/weight_average: the mean of the specialists' weights.
void run_weight_average_stage(RunContext& run);

}  // namespace amalgam::pipeline
