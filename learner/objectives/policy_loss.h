// Policy-gradient losses: what one token, or one sequence, adds to the loss and its derivative with
// respect to the token's log-probability (POST_TRAINING.md §3). Pure functions in double; "new" is
// the policy being trained, "old" the one that sampled. Losses are to be minimised, and to be
// multiplied, with their derivatives, by loss_weights().
//
// When new and old have the same bits the ratio is exactly 1: nothing is clipped or masked.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "configs/stage_configs.h"

namespace amalgam::learner {

struct ClipRange {
  double low = 0.2, high = 0.2;  // ratios are clipped to [1 - low, 1 + high]; DAPO: high > low
};

struct TokenLoss {
  double loss = 0;
  double d_logprob = 0;  // d loss / d logprob_new
  bool is_clipped = false;
};

double probability_ratio(double logprob_new, double logprob_old);  // exp(new - old)

// PPO: -min(r A, clip(r) A). is_clipped: the clipped term is the smaller one, the gradient 0.
TokenLoss ppo_clip(double logprob_new, double logprob_old, double advantage, ClipRange range);

// CISPO: -sg(clip(r)) A logprob_new; the gradient is never cut, its weight is. is_clipped: r was
// outside the range.
TokenLoss cispo(double logprob_new, double logprob_old, double advantage, ClipRange range);

// Unbiased estimate of KL(new ‖ ref) from a token of the old policy (to be times β):
//   k = r (π_ref/π_new - log(π_ref/π_new) - 1);   dk / dlogprob_new = r (logprob_new - logprob_ref)
TokenLoss unbiased_kl(double logprob_new, double logprob_old, double logprob_ref);

// GSPO: -min(s A, clip(s) A), s = exp(mean_t(new - old)): one number a sequence, not one a token.
// `d_logprob` is the derivative for each of its tokens. At least one token.
TokenLoss gspo(std::span<const float> logprobs_new, std::span<const float> logprobs_old,
               double advantage, ClipRange range);

// min(π_learner / π_sampler, cap): weight of a token whose sampler ran other weights (TIS).
double truncated_importance_weight(double logprob_learner, double logprob_sampler, double cap);

// M_i = 0: advantage < 0 and mean_t(old - new) > delta. delta = 0 never masks. At least one token.
bool is_masked_off_policy(std::span<const float> logprobs_new, std::span<const float> logprobs_old,
                          double advantage, double delta);

// One sequence of a policy step, by its trained tokens.
struct SequenceLogprobs {
  std::span<const float> now, old;
  std::span<const float> reference;  // empty: no KL term
};

struct SequenceLoss {
  double policy = 0;  // Σ_t of the clipped surrogate, 0 when masked
  double kl = 0;      // Σ_t of the KL estimate, without its coefficient
  int64_t num_clipped = 0;
  bool is_masked = false;
};

// M · Σ_t ppo_clip + kl_loss_coef · Σ_t unbiased_kl: the off-policy mask M does not reach the KL.
// d_logprob, one a token, is overwritten with the sum's derivative with respect to `now`.
SequenceLoss policy_sequence_loss(const SequenceLogprobs& logprobs, double advantage,
                                  const configs::AlgorithmConfig& algorithm,
                                  std::span<double> d_logprob);

// Weight of each trained token of sequence i, so that the weighted sum over the mini-batch is
//   token-mean                Σ_it l_it / Σ_i n_i
//   seq-mean-token-mean       mean_i (Σ_t l_it / n_i)
//   seq-mean-token-sum        mean_i Σ_t l_it
//   seq-mean-token-sum-norm   mean_i Σ_t l_it / norm_length      (Dr. GRPO)
// num_tokens[i] = n_i counts the trained tokens; sequences without any have weight 0 and do not
// count as sequences.
std::vector<double> loss_weights(configs::LossAggMode mode, std::span<const int64_t> num_tokens,
                                 int64_t norm_length);

}  // namespace amalgam::learner
