#include "learner/objectives/policy_loss.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace amalgam::learner {
namespace {

using configs::LossAggMode;
using ::testing::ElementsAre;

constexpr ClipRange kRange{.low = 0.2, .high = 0.3};

template <class F>
double derivative(F f, double x) {
  constexpr double h = 1e-6;
  return (f(x + h) - f(x - h)) / (2 * h);
}

TEST(RatioTest, SameBitsGiveExactlyOne) {
  for (float x : {-1e-7f, -0.1f, -3.7f, -87.0f}) EXPECT_EQ(probability_ratio(x, x), 1.0);
  EXPECT_NEAR(probability_ratio(-1, -3), std::exp(2), 1e-14);
}

TEST(PpoClipTest, HandComputed) {
  const double up = std::log(1.5), down = std::log(0.5);
  // ratio 1.5, A = 2: clipped at 1.3
  EXPECT_NEAR(ppo_clip(up, 0, 2, kRange).loss, -2.6, 1e-14);
  EXPECT_EQ(ppo_clip(up, 0, 2, kRange).d_logprob, 0);
  EXPECT_TRUE(ppo_clip(up, 0, 2, kRange).is_clipped);
  // ratio 1.5, A = -2: the minimum is the plain term
  EXPECT_NEAR(ppo_clip(up, 0, -2, kRange).loss, 3, 1e-14);
  EXPECT_NEAR(ppo_clip(up, 0, -2, kRange).d_logprob, 3, 1e-14);
  EXPECT_FALSE(ppo_clip(up, 0, -2, kRange).is_clipped);
  // ratio 0.5, A = -2: clipped at 0.8
  EXPECT_NEAR(ppo_clip(down, 0, -2, kRange).loss, 1.6, 1e-14);
  EXPECT_TRUE(ppo_clip(down, 0, -2, kRange).is_clipped);
  // ratio 0.5, A = 2: plain
  EXPECT_NEAR(ppo_clip(down, 0, 2, kRange).d_logprob, -1, 1e-14);
  // on policy
  const TokenLoss on = ppo_clip(-2.5, -2.5, 0.75, kRange);
  EXPECT_EQ(on.loss, -0.75);
  EXPECT_EQ(on.d_logprob, -0.75);
  EXPECT_FALSE(on.is_clipped);
  const TokenLoss none = ppo_clip(-2.5, -900, 0, kRange);  // the ratio is infinite
  EXPECT_EQ(none.loss, 0);
  EXPECT_EQ(none.d_logprob, 0);
}

TEST(PpoClipTest, FiniteDifferences) {
  for (double a : {-1.5, -0.1, 0.4, 2.0})
    for (double logprob_old : {-0.3, -4.0})
      for (double shift : {-1.0, -0.3, -0.1, 0.0, 0.1, 0.2, 0.35, 1.2}) {
        const double x = logprob_old + shift;
        const auto loss = [&](double y) { return ppo_clip(y, logprob_old, a, kRange).loss; };
        EXPECT_NEAR(ppo_clip(x, logprob_old, a, kRange).d_logprob, derivative(loss, x), 1e-8);
      }
}

TEST(UnbiasedKlTest, FormulaAndFiniteDifferences) {
  for (double x : {-0.2, -1.0, -5.0})
    for (double logprob_old : {-0.2, -2.0})
      for (double ref : {-0.2, -0.5, -3.0}) {
        const TokenLoss k = unbiased_kl(x, logprob_old, ref);
        const double r = std::exp(x - logprob_old), rho = std::exp(ref - x);
        EXPECT_NEAR(k.loss, r * (rho - std::log(rho) - 1), 1e-12 * (1 + k.loss));
        EXPECT_GE(k.loss, 0);
        const auto loss = [&](double y) { return unbiased_kl(y, logprob_old, ref).loss; };
        EXPECT_NEAR(k.d_logprob, derivative(loss, x), 1e-7 * (1 + std::fabs(k.d_logprob)));
      }
  EXPECT_EQ(unbiased_kl(-1, -1, -1).loss, 0);
  EXPECT_EQ(unbiased_kl(-1, -1, -1).d_logprob, 0);
}

TEST(UnbiasedKlTest, ItsMeanOverTheOldPolicyIsTheKl) {
  const double logits_new[3] = {0.1, -1.0, 0.7};
  const double probs_old[3] = {0.5, 0.2, 0.3}, probs_ref[3] = {0.1, 0.6, 0.3};
  double z = 0;
  for (double l : logits_new) z += std::exp(l);
  double mean = 0, kl = 0;
  for (int v = 0; v < 3; ++v) {
    const double p = std::exp(logits_new[v]) / z;
    mean += probs_old[v] *
            unbiased_kl(std::log(p), std::log(probs_old[v]), std::log(probs_ref[v])).loss;
    kl += p * std::log(p / probs_ref[v]);
  }
  EXPECT_NEAR(mean, kl, 1e-14);
}

TEST(CispoTest, TheWeightIsClippedNotTheGradient) {
  const double up = std::log(1.5), down = std::log(0.5);
  EXPECT_NEAR(cispo(up, 0, 2, kRange).d_logprob, -2.6, 1e-14);
  EXPECT_NEAR(cispo(up, 0, 2, kRange).loss, -2.6 * up, 1e-14);
  EXPECT_TRUE(cispo(up, 0, -2, kRange).is_clipped);
  EXPECT_NEAR(cispo(down, 0, 2, kRange).d_logprob, -1.6, 1e-14);
  EXPECT_NEAR(cispo(-1.1, -1.0, 2, kRange).d_logprob, -2 * std::exp(-0.1), 1e-14);
  EXPECT_FALSE(cispo(-1.1, -1.0, 2, kRange).is_clipped);
}

TEST(GspoTest, FiniteDifferencesOfEveryToken) {
  const std::vector<float> old{-1.0f, -0.5f, -2.0f, -3.0f};
  for (double a : {-1.0, 0.7})
    for (float shift : {-0.5f, -0.05f, 0.0f, 0.1f, 0.6f}) {
      std::vector<float> now = old;
      now[0] += 2 * shift, now[2] += 0.5f * shift, now[3] += shift;
      const TokenLoss l = gspo(now, old, a, kRange);
      for (size_t t = 0; t < now.size(); ++t) {
        auto moved = now;
        const float h = 0x1p-10f;  // exact in f32
        moved[t] = now[t] + h;
        const double above = gspo(moved, old, a, kRange).loss;
        moved[t] = now[t] - h;
        EXPECT_NEAR(l.d_logprob, (above - gspo(moved, old, a, kRange).loss) / (2 * h), 1e-6);
      }
    }
  EXPECT_EQ(gspo(old, old, 0.5, kRange).loss, -0.5);
  EXPECT_EQ(gspo(old, old, 0.5, kRange).d_logprob, -0.125);
  const std::vector<float> far{0.0f, 0.5f, -1.0f, -2.0f};  // s = e > 1.3
  EXPECT_TRUE(gspo(far, old, 0.5, kRange).is_clipped);
  EXPECT_NEAR(gspo(far, old, 0.5, kRange).loss, -0.65, 1e-14);
}

TEST(TruncatedImportanceTest, CapsFromAbove) {
  EXPECT_EQ(truncated_importance_weight(-1, -1, 2), 1);
  EXPECT_EQ(truncated_importance_weight(-1, -3, 2), 2);
  EXPECT_NEAR(truncated_importance_weight(-3, -1, 2), std::exp(-2), 1e-16);
}

TEST(OffPolicyMaskTest, OnlyNegativeAdvantagesBeyondDelta) {
  const std::vector<float> old{-1.0f, -1.0f}, now{-1.5f, -1.25f};  // mean log ratio 0.375
  EXPECT_TRUE(is_masked_off_policy(now, old, -1, 0.25));
  EXPECT_FALSE(is_masked_off_policy(now, old, -1, 0.375));
  EXPECT_FALSE(is_masked_off_policy(now, old, -1, 0.5));
  EXPECT_FALSE(is_masked_off_policy(now, old, 1, 0.25));
  EXPECT_FALSE(is_masked_off_policy(now, old, 0, 0.25));
  EXPECT_FALSE(is_masked_off_policy(old, now, -1, 0.25));  // new is likelier
  EXPECT_FALSE(is_masked_off_policy(now, old, -1, 0));     // off
}

// Two tokens of ratios 2 and 1/2, A = -1 and clips at 0.75 and 1.25: losses 2 and 0.75, the second
// clipped. KL with β = 10 and a reference that is e times likelier: r (e - 2), derivative -r.
TEST(PolicySequenceLossTest, HandComputed) {
  const auto ln2 = static_cast<float>(std::log(2.0));
  const std::vector<float> old{-2, -1}, now{-2 + ln2, -1 - ln2}, reference{now[0] + 1, now[1] + 1};
  const configs::AlgorithmConfig algorithm{
      .clip_ratio_low = 0.25, .clip_ratio_high = 0.25, .kl_loss_coef = 10};
  const double e2 = std::exp(1.0) - 2;
  std::vector<double> d{7, 7};  // overwritten
  SequenceLoss loss = policy_sequence_loss({now, old, reference}, -1, algorithm, d);
  EXPECT_NEAR(loss.policy, 2.75, 1e-6);
  EXPECT_NEAR(loss.kl, 2.5 * e2, 1e-6);
  EXPECT_EQ(loss.num_clipped, 1);
  EXPECT_FALSE(loss.is_masked);
  EXPECT_NEAR(d[0], 2 - 10 * 2, 1e-5);
  EXPECT_NEAR(d[1], 0 - 10 * 0.5, 1e-5);
  loss = policy_sequence_loss({now, old, {}}, -1, algorithm, d);
  EXPECT_EQ(loss.kl, 0);
  EXPECT_NEAR(d[0], 2, 1e-6);
  EXPECT_EQ(d[1], 0);
}

// The mask takes the policy's term away and leaves the KL's; so does an advantage of 0.
TEST(PolicySequenceLossTest, AMaskedSequenceKeepsItsKl) {
  const std::vector<float> old{-1, -1}, now{-1.5f, -1.25f}, reference{-2, -2};
  configs::AlgorithmConfig algorithm{
      .clip_ratio_low = 0.9, .kl_loss_coef = 1, .off_policy_delta = 0.25};
  std::vector<double> masked(2), open(2), only_kl(2);
  const SequenceLoss m = policy_sequence_loss({now, old, reference}, -1, algorithm, masked);
  const SequenceLoss zero = policy_sequence_loss({now, old, reference}, 0, algorithm, only_kl);
  algorithm.off_policy_delta = 0.5;
  const SequenceLoss o = policy_sequence_loss({now, old, reference}, -1, algorithm, open);
  EXPECT_TRUE(m.is_masked);
  EXPECT_FALSE(o.is_masked);
  EXPECT_FALSE(zero.is_masked);
  EXPECT_EQ(m.policy, 0);
  EXPECT_EQ(zero.policy, 0);
  EXPECT_NE(o.policy, 0);
  EXPECT_GT(m.kl, 0);
  EXPECT_EQ(m.kl, o.kl);
  EXPECT_EQ(masked, only_kl);
  EXPECT_NE(masked, open);
  std::vector<double> none;
  EXPECT_EQ(policy_sequence_loss({}, -1, algorithm, none).policy, 0);
}

TEST(LossWeightsTest, EachModeIsItsFormula) {
  const std::vector<int64_t> n{4, 0, 1, 5};
  EXPECT_THAT(loss_weights(LossAggMode::kTokenMean, n, 8), ElementsAre(0.1, 0, 0.1, 0.1));
  EXPECT_THAT(loss_weights(LossAggMode::kSeqMeanTokenMean, n, 8),
              ElementsAre(1.0 / 12, 0, 1.0 / 3, 1.0 / 15));
  EXPECT_THAT(loss_weights(LossAggMode::kSeqMeanTokenSum, n, 8),
              ElementsAre(1.0 / 3, 0, 1.0 / 3, 1.0 / 3));
  EXPECT_THAT(loss_weights(LossAggMode::kSeqMeanTokenSumNorm, n, 8),
              ElementsAre(1.0 / 24, 0, 1.0 / 24, 1.0 / 24));
  EXPECT_TRUE(loss_weights(LossAggMode::kTokenMean, {}, 8).empty());
}

}  // namespace
}  // namespace amalgam::learner
