// Objectives of on-policy distillation over the rows of one micro-batch, mean over the policy's
// tokens (POST_TRAINING.md §5; docs/OBJECTIVES.md says which there are).
#pragma once
#include <span>

#include "configs/objective_config.h"
#include "kernels/head/head_kl.h"
#include "kernels/head/head_policy.h"

namespace amalgam::distill {

struct DistillObjective {
  configs::Objective kind = configs::Objective::kExact;
  configs::ObjectiveParameters parameters = {};
  double temperature = 1;  // of the rollouts, student and teachers
};

struct DistillRows {
  kernels::HeadPolicy student;  // target < 0: not a token of the policy
  std::span<const kernels::KlTeacher> teachers;
  float per_token = 1;  // 1 / policy tokens of the whole mini-batch
};

// value [T] = Σ_i w_i D_i, 0 where the token is not the policy's; a teacher's `kl` gets its own
// D_i, without weights, where it has a weight. Adds the gradient of per_token · Σ_t value_t to the
// student's hidden states and head (sampled_advantage: its policy gradient). `ours`: head_logprobs
// of the student's rows.
void add_objective(kernels::ThreadPool& pool, kernels::Arena& arena,
                   const DistillObjective& objective, const DistillRows& rows,
                   const kernels::HeadLogprobs& ours, float* value,
                   const kernels::HeadGradients& grads);

}  // namespace amalgam::distill
