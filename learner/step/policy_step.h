// GRPO's loss over a mini-batch of sampled trajectories (POST_TRAINING.md §3).
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "configs/stage_configs.h"
#include "learner/step/trainer.h"

namespace amalgam::proto {
class Trajectory;
}

namespace amalgam::learner {

struct PolicySample {
  const proto::Trajectory* trajectory = nullptr;
  double advantage = 0;
  // log π_ref of each policy token; empty: no KL term.
  std::vector<float> reference_logprobs = {};
};

struct PolicyFigures {
  double pg_loss = 0;   // actor/pg_loss
  double clipfrac = 0;  // actor/pg_clipfrac: share of policy tokens
  double ppo_kl = 0;    // actor/ppo_kl: mean of old - new log-probability
  double kl_loss = 0;   // actor/kl_loss
  double entropy = 0;   // actor/entropy, nats, mean over policy tokens
  // training/rollout_probs_diff_max: largest |π_learner - π_rollout| over policy tokens. Exactly 0
  // when the weights are those that sampled.
  double probs_diff_max = 0;
  int64_t num_tokens = 0;  // policy tokens of samples that have a gradient
  int64_t num_masked = 0;  // sequences masked as off-policy
};

// |exp(a) - exp(b)|; infinite when one of them is no number, so that a maximum cannot hide it.
double probability_difference(float a, float b);

// The sequence of a trajectory, its policy tokens learned. `weights_version` is that of the policy
// that is trained: one that has moved since it sampled makes the choices again that the trajectory
// kept. Nothing, for other models: they make their own.
TrainSequence train_sequence(const proto::Trajectory& trajectory,
                             std::optional<int64_t> weights_version);

// Accumulates the gradient of the mini-batch's loss; the caller steps. Samples whose advantage is 0
// and that have no KL term have no gradient: they count in the loss's normalisation, and their
// log-probabilities are compared like all others, but they are left out of the backward pass.
PolicyFigures accumulate_policy_loss(Trainer& trainer, std::span<const PolicySample> samples,
                                     const configs::AlgorithmConfig& algorithm, int64_t norm_length,
                                     double index_loss_coefficient);

// Log-probabilities of each sample's policy tokens under given weights: a reference model's, or the
// policy's of this version (train_sequence).
std::vector<std::vector<float>> policy_token_logprobs(
    model::Network& network, const model::Weights& weights,
    std::span<const proto::Trajectory* const> trajectories, int64_t max_micro_tokens,
    std::optional<int64_t> weights_version = std::nullopt);

}  // namespace amalgam::learner
