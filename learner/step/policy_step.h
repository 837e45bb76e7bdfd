// GRPO's loss over a mini-batch of sampled trajectories (POST_TRAINING.md §3).
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/stage_configs.h"
#include "learner/step/figures.h"
#include "learner/step/trainer.h"

namespace amalgam::proto {
class Trajectory;
}

namespace amalgam::learner {

struct PolicySample {
  const proto::Trajectory* trajectory = nullptr;
  double advantage = 0;
  // log π_ref of each policy token, at the objective's temperature; empty: no KL term.
  std::vector<float> reference_logprobs = {};
};

struct PolicyObjective {
  configs::AlgorithmConfig algorithm = {};
  // The policy is softmax(z / T) at the T of the rollouts: ratio, KL, entropy and gradient are its.
  double temperature = 1;
};

// Means over policy tokens, those of samples without a gradient included.
struct PolicyMeans {
  Mean entropy;   // actor/entropy, nats
  Mean ppo_kl;    // actor/ppo_kl: old - new log-probability
  Mean clipfrac;  // actor/pg_clipfrac: share of tokens whose gradient is cut by the clip
  Mean kl;        // actor/kl: the estimate of KL(π ‖ π_ref), of samples with a reference

  void add(const PolicyMeans& part);
};

struct PolicyFigures {
  // The mini-batch's loss as it is minimised, one value an update; kl_loss (without its
  // coefficient) where there is a reference.
  Mean pg_loss, kl_loss;                     // actor/pg_loss, actor/kl_loss
  std::map<std::string, PolicyMeans> means;  // by domain
  // training/rollout_probs_diff_max: largest |π_learner - π_rollout| over policy tokens, if there
  // were any. Exactly 0 when the weights are those that sampled.
  std::optional<double> probs_diff_max;
  int64_t num_masked = 0;  // sequences masked as off-policy

  PolicyMeans total() const;  // of all domains
  void add(const PolicyFigures& update);
};

// "sample 3 of prompt p (domain d)", for messages.
std::string sample_name(const proto::Trajectory& trajectory);
// Throws Error, naming the sample, if the number is NaN or infinite.
void require_finite(double number, const std::string& what, const proto::Trajectory& trajectory);
// One policy token's log-probability as the learner computes it and as it was logged: both must be
// finite (Error), and their probabilities' difference goes into the maximum.
void compare_logprobs(const proto::Trajectory& trajectory, int64_t policy_token, float logprob,
                      std::optional<double>* probs_diff_max);

// The sequence of a trajectory, its policy tokens learned. `weights_version` is that of the policy
// that is trained: one that has moved since it sampled makes the choices again that the trajectory
// kept. Nothing, for other models: they make their own.
TrainSequence train_sequence(const proto::Trajectory& trajectory,
                             std::optional<int64_t> weights_version);

// Accumulates the gradient of the mini-batch's loss; the caller steps. Samples whose advantage is 0
// and that have no KL term have no gradient: they count in the loss's normalisation and in all
// means, and their log-probabilities are compared like all others, but they are left out of the
// backward pass. Throws Error where a log-probability, loss or coefficient is not finite.
PolicyFigures accumulate_policy_loss(Trainer& trainer, std::span<const PolicySample> samples,
                                     const PolicyObjective& objective, int64_t norm_length,
                                     double index_loss_coefficient);

// Log-probabilities of each sample's policy tokens under given weights: a reference model's, or the
// policy's of this version (train_sequence).
std::vector<std::vector<float>> policy_token_logprobs(
    model::Network& network, const model::Weights& weights,
    std::span<const proto::Trajectory* const> trajectories, int64_t max_micro_tokens,
    double temperature, std::optional<int64_t> weights_version = std::nullopt);

}  // namespace amalgam::learner
