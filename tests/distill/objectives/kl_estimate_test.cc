#include "distill/objectives/kl_estimate.h"

#include <gtest/gtest.h>

#include <cmath>

namespace amalgam::distill {
namespace {

using configs::KlEstimator;

constexpr KlEstimator kAll[] = {KlEstimator::kK1, KlEstimator::kK2, KlEstimator::kK3,
                                KlEstimator::kAbs};

TEST(KlEstimateTest, HandComputed) {
  const double student = std::log(0.5), teacher = std::log(0.25), d = std::log(0.5);
  EXPECT_DOUBLE_EQ(kl_estimate(KlEstimator::kK1, student, teacher).value, -d);
  EXPECT_DOUBLE_EQ(kl_estimate(KlEstimator::kK2, student, teacher).value, d * d / 2);
  EXPECT_DOUBLE_EQ(kl_estimate(KlEstimator::kK3, student, teacher).value, 0.5 - d - 1);
  EXPECT_DOUBLE_EQ(kl_estimate(KlEstimator::kAbs, student, teacher).value, -d);
  EXPECT_DOUBLE_EQ(kl_estimate(KlEstimator::kAbs, teacher, student).value, -d);
}

TEST(KlEstimateTest, DerivativesByTheStudentsLogprob) {
  for (const KlEstimator e : kAll)
    for (const double logprob : {-0.5, -2.0, -9.0}) {
      const double step = 1e-6;
      const auto at = [&](double x) { return kl_estimate(e, x, -1.5).value; };
      EXPECT_NEAR(kl_estimate(e, logprob, -1.5).d_logprob,
                  (at(logprob + step) - at(logprob - step)) / (2 * step), 1e-5)
          << configs::name_of(e);
    }
}

TEST(KlEstimateTest, OfTheSamePolicyItIsNothing) {
  for (const KlEstimator e : kAll) EXPECT_EQ(kl_estimate(e, -3.25, -3.25).value, 0);
  for (const KlEstimator e : {KlEstimator::kK2, KlEstimator::kK3, KlEstimator::kAbs})
    EXPECT_EQ(kl_estimate(e, -3.25, -3.25).d_logprob, 0);
}

TEST(KlEstimateTest, WhatIsCutHasNoGradient) {
  EXPECT_EQ(cut({3, 2}, 4).d_logprob, 2);
  EXPECT_EQ(cut({5, 2}, 4).value, 4);
  EXPECT_EQ(cut({5, 2}, 4).d_logprob, 0);
  EXPECT_EQ(cut({-5, 2}, 4).value, -4);
  EXPECT_EQ(cut({-5, 2}, 4).d_logprob, 0);
  EXPECT_TRUE(std::isnan(cut({std::nan(""), 2}, 4).value));
}

}  // namespace
}  // namespace amalgam::distill
