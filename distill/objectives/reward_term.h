// The reward beside the distillation: GRPO's policy gradient on the same samples.
#pragma once
#include <span>

#include "kernels/head/head_policy.h"
#include "learner/step/trainer.h"

namespace amalgam::proto {
class Trajectory;
}

namespace amalgam::distill {

// One sequence of a micro-batch.
struct Rewarded {
  const proto::Trajectory* trajectory = nullptr;
  double advantage = 0;  // 0: no gradient
};

struct RewardTerm {
  double coefficient = 1;
  float per_token = 1;                 // 1 / policy tokens of the whole mini-batch
  std::span<const Rewarded> rewarded;  // the micro-batch's, in its order
};

// Adds the gradient of coefficient · per_token · Σ_t -r_t A to the student's hidden states and
// head, r_t the token's ratio to the policy that sampled (1, and nothing is clipped, where that is
// the student). Returns per_token · Σ_t of it, without the coefficient. `ours`: head_logprobs of
// `student`. Throws Error where a sample's loss is not finite.
double add_reward_term(kernels::ThreadPool& pool, kernels::Arena& arena,
                       const kernels::HeadPolicy& student, const learner::MicroBatch& micro,
                       const RewardTerm& term, const kernels::HeadLogprobs& ours,
                       const kernels::HeadGradients& grads);

}  // namespace amalgam::distill
