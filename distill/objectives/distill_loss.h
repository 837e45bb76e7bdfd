// Objectives of on-policy distillation over the rows of one micro-batch, mean over the policy's
// tokens (POST_TRAINING.md §5). Each adds its gradient to the student's hidden states and head; a
// teacher's `kl` gets its own KL or estimate, without weights, where it has a weight.
#pragma once
#include <span>

#include "kernels/head/head_kl.h"
#include "kernels/head/head_policy.h"

namespace amalgam::distill {

struct DistillRows {
  kernels::HeadPolicy student;  // target < 0: not a token of the policy
  std::span<const kernels::KlTeacher> teachers;
  float per_token = 1;  // 1 / policy tokens of the whole mini-batch
};

// Student and teachers have the student's temperature. kl [T] = Σ_i w_i KL(π ‖ π_i) over the whole
// vocabulary, 0 where the token is not the policy's:
//   dL/dz_v = per_token · Σ_i w_i π(v)(log π(v) - log π_i(v) - KL_i)
void exact_kl(kernels::ThreadPool& pool, kernels::Arena& arena, const DistillRows& rows, float* kl,
              const kernels::HeadGradients& grads);

// estimate [T] = Σ_i w_i (log π - log π_i) of the sampled token: a policy gradient whose advantage
// is -estimate, dL/dlogprob = per_token · estimate. `ours`: head_logprobs of the student's rows.
void sampled_kl(kernels::ThreadPool& pool, kernels::Arena& arena, const DistillRows& rows,
                const kernels::HeadLogprobs& ours, float* estimate,
                const kernels::HeadGradients& grads);

}  // namespace amalgam::distill
