#include "learner/objectives/policy_loss.h"

#include <algorithm>

#include "configs/check.h"
#include "kernels/simd/scalar_math.h"

namespace amalgam::learner {
namespace {

double clip(double ratio, ClipRange range) {
  return std::clamp(ratio, 1 - range.low, 1 + range.high);
}

// mean_t(a - b) in a fixed order.
double mean_difference(std::span<const float> a, std::span<const float> b) {
  CHECK_EQ(a.size(), b.size());
  CHECK(!a.empty());
  double sum = 0;
  for (size_t t = 0; t < a.size(); ++t) sum += static_cast<double>(a[t]) - b[t];
  return sum / static_cast<double>(a.size());
}

// -min(r A, clip(r) A) with d r / d logprob = r · slope.
TokenLoss clipped_surrogate(double ratio, double advantage, ClipRange range, double slope) {
  if (advantage == 0) return {};
  const double plain = ratio * advantage, clipped = clip(ratio, range) * advantage;
  if (clipped < plain) return {-clipped, 0, true};
  return {-plain, -plain * slope, false};
}

}  // namespace

double probability_ratio(double logprob_new, double logprob_old) {
  return kernels::scalar::exp(logprob_new - logprob_old);
}

TokenLoss ppo_clip(double logprob_new, double logprob_old, double advantage, ClipRange range) {
  return clipped_surrogate(probability_ratio(logprob_new, logprob_old), advantage, range, 1);
}

TokenLoss cispo(double logprob_new, double logprob_old, double advantage, ClipRange range) {
  const double ratio = probability_ratio(logprob_new, logprob_old), weight = clip(ratio, range);
  return {-weight * advantage * logprob_new, -weight * advantage, weight != ratio};
}

TokenLoss unbiased_kl(double logprob_new, double logprob_old, double logprob_ref) {
  const double ratio = probability_ratio(logprob_new, logprob_old);
  const double log_rho = logprob_ref - logprob_new;
  return {ratio * (kernels::scalar::exp(log_rho) - log_rho - 1), -ratio * log_rho, false};
}

TokenLoss gspo(std::span<const float> logprobs_new, std::span<const float> logprobs_old,
               double advantage, ClipRange range) {
  const double ratio = kernels::scalar::exp(mean_difference(logprobs_new, logprobs_old));
  return clipped_surrogate(ratio, advantage, range, 1 / static_cast<double>(logprobs_new.size()));
}

double truncated_importance_weight(double logprob_learner, double logprob_sampler, double cap) {
  return std::min(probability_ratio(logprob_learner, logprob_sampler), cap);
}

bool is_masked_off_policy(std::span<const float> logprobs_new, std::span<const float> logprobs_old,
                          double advantage, double delta) {
  return delta > 0 && advantage < 0 && mean_difference(logprobs_old, logprobs_new) > delta;
}

SequenceLoss policy_sequence_loss(const SequenceLogprobs& logprobs, double advantage,
                                  const configs::AlgorithmConfig& algorithm,
                                  std::span<double> d_logprob) {
  const auto& [now, old, reference] = logprobs;
  CHECK_EQ(now.size(), old.size());
  CHECK_EQ(now.size(), d_logprob.size());
  SequenceLoss sum;
  std::fill(d_logprob.begin(), d_logprob.end(), 0.0);
  if (now.empty()) return sum;
  sum.is_masked = is_masked_off_policy(now, old, advantage, algorithm.off_policy_delta);
  if (!sum.is_masked && advantage != 0) {
    const ClipRange clip_range{algorithm.clip_ratio_low, algorithm.clip_ratio_high};
    for (size_t t = 0; t < now.size(); ++t) {
      const TokenLoss token = ppo_clip(now[t], old[t], advantage, clip_range);
      sum.policy += token.loss;
      sum.num_clipped += token.is_clipped;
      d_logprob[t] += token.d_logprob;
    }
  }
  if (!reference.empty()) {
    CHECK_EQ(now.size(), reference.size());
    for (size_t t = 0; t < now.size(); ++t) {
      const TokenLoss token = unbiased_kl(now[t], old[t], reference[t]);
      sum.kl += token.loss;
      d_logprob[t] += algorithm.kl_loss_coef * token.d_logprob;
    }
  }
  return sum;
}

std::vector<double> loss_weights(configs::LossAggMode mode, std::span<const int64_t> num_tokens,
                                 int64_t norm_length) {
  using configs::LossAggMode;
  int64_t tokens = 0, sequences = 0;
  for (int64_t n : num_tokens) tokens += n, sequences += n > 0;
  std::vector<double> weights;
  for (int64_t n : num_tokens) {
    double divisor = static_cast<double>(sequences);
    switch (mode) {
      case LossAggMode::kTokenMean:
        divisor = static_cast<double>(tokens);
        break;
      case LossAggMode::kSeqMeanTokenMean:
        divisor *= static_cast<double>(n);
        break;
      case LossAggMode::kSeqMeanTokenSum:
        break;
      case LossAggMode::kSeqMeanTokenSumNorm:
        divisor *= static_cast<double>(norm_length);
        break;
    }
    weights.push_back(n > 0 ? 1 / divisor : 0);
  }
  return weights;
}

}  // namespace amalgam::learner
