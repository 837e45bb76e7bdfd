#include "pipeline/stages/merge_candidates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace amalgam::pipeline {
namespace {

using configs::CompareConfig, configs::Method;
using testing::ElementsAre;

CompareConfig compared(Method method, std::vector<double> scales = {},
                       std::vector<double> densities = {}) {
  CompareConfig c;
  c.method = method, c.scales = std::move(scales), c.densities = std::move(densities);
  return c;
}

TEST(MergeCandidates, TheMeanHasNoChoice) {
  EXPECT_THAT(merge_candidates(compared(Method::kMean), 6), ElementsAre(MergeCandidate{}));
  EXPECT_EQ(candidate_text(Method::kMean, {}), "");
}

TEST(MergeCandidates, ScalesAreAroundTheMean) {
  const auto all = merge_candidates(compared(Method::kTaskArithmetic), 5);
  ASSERT_EQ(all.size(), 5u);
  const double want[] = {1, 1.25, 0.75, 1.5, 0.5};
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(all[i].scale, want[i]);
  EXPECT_EQ(candidate_text(Method::kTaskArithmetic, all[1]), "scale 1.25");
  EXPECT_EQ(merge_candidates(compared(Method::kTaskArithmetic), 1).size(), 1u);
}

TEST(MergeCandidates, DefaultScalesStayAboveZero) {
  std::vector<double> scales;
  for (const MergeCandidate& c : merge_candidates(compared(Method::kTaskArithmetic), 10))
    scales.push_back(c.scale);
  EXPECT_THAT(scales, ElementsAre(1, 1.25, 0.75, 1.5, 0.5, 1.75, 0.25, 2, 2.25, 2.5));
}

TEST(MergeCandidates, DensitiesAreTriedWithEveryScale) {
  const auto defaults = merge_candidates(compared(Method::kTies), 3);
  EXPECT_THAT(defaults, ElementsAre(MergeCandidate{1, 0.5}, MergeCandidate{1, 0.2},
                                    MergeCandidate{1.25, 0.5}));
  const auto grid = merge_candidates(compared(Method::kDare, {1, 2}, {0.1, 0.9}), 6);
  EXPECT_THAT(grid, ElementsAre(MergeCandidate{1, 0.1}, MergeCandidate{1, 0.9},
                                MergeCandidate{2, 0.1}, MergeCandidate{2, 0.9}));
  // Of a list that was given nothing is left out for a default of the other.
  const auto scales = merge_candidates(compared(Method::kTies, {1, 2, 3}), 3);
  EXPECT_THAT(scales,
              ElementsAre(MergeCandidate{1, 0.5}, MergeCandidate{2, 0.5}, MergeCandidate{3, 0.5}));
  const auto densities = merge_candidates(compared(Method::kTies, {}, {0.3, 0.4}), 3);
  EXPECT_THAT(densities, ElementsAre(MergeCandidate{1, 0.3}, MergeCandidate{1, 0.4},
                                     MergeCandidate{1.25, 0.3}));
  EXPECT_EQ(candidate_text(Method::kTies, grid[1]), "scale 1, density 0.9");
}

TEST(MergeCandidates, SlerpStaysBetweenItsEnds) {
  for (const int64_t n : {1, 2, 6, 7, 20, 101}) {
    const auto all = merge_candidates(compared(Method::kSlerp), n);
    EXPECT_EQ(static_cast<int64_t>(all.size()), n);
    EXPECT_EQ(all[0].t, 0.5);
    for (const MergeCandidate& c : all) EXPECT_TRUE(c.t > 0 && c.t < 1) << n << ": " << c.t;
  }
  EXPECT_EQ(candidate_text(Method::kSlerp, {.t = 0.25}), "t 0.25");
}

}  // namespace
}  // namespace amalgam::pipeline
