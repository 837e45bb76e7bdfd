// The objectives that look at the sampled token alone: named baselines of high variance. Each
// teacher's estimate is kl_estimate() of the token's log-probabilities.
#pragma once
#include "distill/objectives/objective.h"

namespace amalgam::distill {

// value = Σ_i w_i estimate_i: a policy gradient whose advantage is -value,
// dL/dlogprob = per_token · value. auto: k1. The policy is the one that sampled: no ratio, no clip.
void sampled_advantage(kernels::ThreadPool& pool, kernels::Arena& arena,
                       const configs::ObjectiveParameters& parameters, const DistillRows& rows,
                       const kernels::HeadLogprobs& ours, float* value,
                       const kernels::HeadGradients& grads);

// value = Σ_i w_i cut(estimate_i, loss_max), which is the loss: dL/dlogprob = per_token · its
// derivative. auto: k3.
void sampled_loss(kernels::ThreadPool& pool, kernels::Arena& arena,
                  const configs::ObjectiveParameters& parameters, const DistillRows& rows,
                  const kernels::HeadLogprobs& ours, float* value,
                  const kernels::HeadGradients& grads);

}  // namespace amalgam::distill
