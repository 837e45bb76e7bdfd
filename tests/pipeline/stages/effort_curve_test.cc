#include "pipeline/stages/effort_curve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace amalgam::pipeline {
namespace {

std::vector<CurvePoint> curve_of(const std::vector<std::pair<double, double>>& points) {
  std::vector<CurvePoint> curve;
  for (const auto& [tokens, reward] : points)
    curve.push_back({tokens, reward, 1000, reward * (1 - reward)});
  return curve;
}

// Which point a price of a token makes the best.
size_t best_at(const std::vector<CurvePoint>& curve, double k) {
  size_t best = 0;
  for (size_t i = 1; i < curve.size(); ++i)
    if (curve[i].reward - k * curve[i].tokens > curve[best].reward - k * curve[best].tokens)
      best = i;
  return best;
}

TEST(EffortCurve, PartsAreOfEachQuestion) {
  // The second question is harder: longer and worse throughout.
  std::vector<SampledAnswer> samples;
  for (int i = 0; i < 4; ++i) {
    samples.push_back({0, 10.0 - i, i < 2 ? 1.0 : 0.0});
    samples.push_back({1, 100.0 - i, i < 1 ? 1.0 : 0.0});
  }
  samples.push_back({2, 1000, 1});  // one sample says nothing of length
  const auto curve = accuracy_by_length(samples, 2);
  ASSERT_EQ(curve.size(), 2u);
  EXPECT_EQ(curve[0].tokens, (7 + 8 + 97 + 98) / 4.0);
  EXPECT_EQ(curve[0].reward, 0);
  EXPECT_EQ(curve[1].tokens, (9 + 10 + 99 + 100) / 4.0);
  EXPECT_EQ(curve[1].reward, 0.75);
  EXPECT_EQ(curve[1].samples, 4);
}

TEST(EffortCurve, TheProposalMakesEachModesPointTheBest) {
  // The hull leaves out the second point; what lies behind the best is no gain.
  const auto curve = curve_of({{2, 0.1}, {8, 0.3}, {11, 0.85}, {20, 0.97}, {30, 0.9}});
  const auto best = best_points(curve);
  ASSERT_EQ(best.size(), 3u);
  const EffortProposal p = propose(best);
  EXPECT_TRUE(p.has_middle);
  EXPECT_EQ(best_at(curve, p.k.at("none")), 0u);
  EXPECT_EQ(best_at(curve, p.k.at("high")), 2u);
  EXPECT_EQ(best_at(curve, p.k.at("max")), 3u);
  EXPECT_GT(p.k.at("none"), p.k.at("low"));
  EXPECT_GT(p.k.at("low"), p.k.at("high"));
  EXPECT_DOUBLE_EQ(p.k0, p.k.at("none"));
  EXPECT_NEAR(p.k0 * std::exp(-99 / p.tau), p.k.at("max"), 1e-12);
}

TEST(EffortCurve, WithoutABendThereIsNoMiddle) {
  const auto best = best_points(curve_of({{2, 0.1}, {8, 0.2}, {11, 0.3}, {20, 0.97}}));
  EXPECT_EQ(best.size(), 2u);
  EXPECT_FALSE(propose(best_points(curve_of({{2, 0.05}, {5, 0.14}, {28, 0.63}}))).has_middle);
  const EffortProposal p = propose(best);
  EXPECT_FALSE(p.has_middle);
  EXPECT_GT(p.k.at("none"), p.k.at("high"));
  EXPECT_GT(p.k.at("high"), p.k.at("max"));
}

TEST(EffortCurve, WhatChanceMakesIsNotClear) {
  EXPECT_FALSE(is_clear(best_points(curve_of({{2, 0.5}, {9, 0.4}}))));
  EXPECT_FALSE(is_clear(best_points(curve_of({{2, 0.50}, {9, 0.52}}))));
  EXPECT_TRUE(is_clear(best_points(curve_of({{2, 0.50}, {9, 0.62}}))));
  EXPECT_FALSE(is_clear({}));
}

}  // namespace
}  // namespace amalgam::pipeline
