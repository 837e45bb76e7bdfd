#include "rewards/judge/judge_reward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace amalgam::rewards {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::Optional;

TEST(JudgeReward, Agreement) {
  EXPECT_DOUBLE_EQ(agreement_reward(std::vector<double>{1, 0, 1, 0}, {1, 1, 1, 1}), 0.5);
  EXPECT_DOUBLE_EQ(agreement_reward(std::vector<double>{0, 1}, {0, 1}), 1);
  EXPECT_DOUBLE_EQ(agreement_reward(std::vector<double>{0.3, 1}, {0.8, 0.5}), 0.5);
  EXPECT_EQ(agreement_reward(std::nullopt, {0, 1}), 0);
}

TEST(JudgeReward, BrierByHand) {
  // y = 1, v = 1, 1, 0, so p = ½, ½, 1: 1 − ¼ + 2·½·½, the same, and 1 − 0 − 0.
  const std::vector<double> rewards = brier_rewards(
      {std::vector<double>{1}, std::vector<double>{1}, std::nullopt, std::vector<double>{0}}, {1});
  EXPECT_THAT(rewards, ElementsAre(DoubleEq(1.25), DoubleEq(1.25), 0, DoubleEq(1)));
  // One verdict: its own Brier score, the mean over two criteria.
  EXPECT_THAT(brier_rewards({std::vector<double>{1, 0.5}, std::nullopt}, {0, 0}),
              ElementsAre(DoubleEq(0.375), 0));
  EXPECT_TRUE(brier_rewards({}, {1}).empty());
}

// A policy of n verdicts, each parsed with probability q, and then on each of two criteria 1 with
// probability σ(θ).
constexpr int kVerdicts = 3;
constexpr double kTheta[2] = {0.4, -1.1};
const std::vector<double> kLabels = {0.7, 1};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Σ over all outcomes of P · mean_i reward_i ∂ log π(v_i) / ∂θ_c.
double expected_policy_gradient(double q, int c) {
  constexpr int kOutcomes = 5;  // of one verdict: 2 bits, or unparsed
  double gradient = 0;
  for (int all = 0; all < std::pow(kOutcomes, kVerdicts); ++all) {
    double probability = 1;
    std::vector<Verdict> verdicts;
    std::vector<double> d_log;
    for (int i = 0, rest = all; i < kVerdicts; ++i, rest /= kOutcomes) {
      const int outcome = rest % kOutcomes;
      if (outcome == 4) {
        probability *= 1 - q;
        verdicts.emplace_back();
        d_log.push_back(0);
        continue;
      }
      probability *= q;
      std::vector<double> verdict;
      for (int k = 0; k < 2; ++k) {
        const int v = outcome >> k & 1;
        probability *= v ? sigmoid(kTheta[k]) : 1 - sigmoid(kTheta[k]);
        verdict.push_back(v);
        if (k == c) d_log.push_back(v - sigmoid(kTheta[k]));
      }
      verdicts.emplace_back(verdict);
    }
    const std::vector<double> rewards = brier_rewards(verdicts, kLabels);
    for (int i = 0; i < kVerdicts; ++i) gradient += probability * rewards[i] * d_log[i] / kVerdicts;
  }
  return gradient;
}

// By finite differences, of the mean over criteria of 1 − (p̄ − y)².
double d_brier_of_mean(int c) {
  const auto score = [&](double theta) {
    return (1 - std::pow(sigmoid(theta) - kLabels[c], 2)) / 2;
  };
  return (score(kTheta[c] + 1e-5) - score(kTheta[c] - 1e-5)) / 2e-5;
}

// The same of 1 − E (v − y)².
double d_brier_of_one(int c) {
  const auto score = [&](double theta) {
    const double p = sigmoid(theta), y = kLabels[c];
    return (1 - p * std::pow(1 - y, 2) - (1 - p) * y * y) / 2;
  };
  return (score(kTheta[c] + 1e-5) - score(kTheta[c] - 1e-5)) / 2e-5;
}

TEST(JudgeReward, BrierRewardsClimbTheBrierScoreOfTheMean) {
  for (int c = 0; c < 2; ++c) {
    EXPECT_NEAR(expected_policy_gradient(1, c), d_brier_of_mean(c), 1e-9);
    EXPECT_GT(std::abs(d_brier_of_mean(c) - d_brier_of_one(c)), 1e-3)
        << "the test tells them apart";
  }
}

TEST(JudgeReward, BrierRewardsOfALoneVerdictClimbItsOwn) {
  const double q = 0.6, alone = std::pow(1 - q, kVerdicts - 1);
  for (int c = 0; c < 2; ++c)
    EXPECT_NEAR(expected_policy_gradient(q, c),
                q * ((1 - alone) * d_brier_of_mean(c) + alone * d_brier_of_one(c)), 1e-9);
}

TEST(JudgeReward, WinRates) {
  const std::vector<Comparison> comparisons = {
      {0, 1, 1}, {1, 0, 1}, {0, 2, 0.5}, {2, 1, 0}, {3, 0, std::nullopt}, {0, 1, 1}};
  const std::vector<std::optional<double>> rates = win_rates(4, comparisons);
  ASSERT_EQ(rates.size(), 4u);
  EXPECT_THAT(rates[0], Optional(DoubleEq(2.5 / 4)));  // 1, 0, ½, 1
  EXPECT_THAT(rates[1], Optional(DoubleEq(2.0 / 4)));  // 0, 1, 1, 0
  EXPECT_THAT(rates[2], Optional(DoubleEq(0.5 / 2)));
  EXPECT_EQ(rates[3], std::nullopt);
}

}  // namespace
}  // namespace amalgam::rewards
