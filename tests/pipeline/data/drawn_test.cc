#include "pipeline/data/drawn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace amalgam::pipeline {
namespace {

TEST(Drawn, IsEveryPlaceOnceInAnOrderOfTheKeys) {
  const auto all = drawn(20, 20, {.seed = 1});
  EXPECT_EQ(std::set<size_t>(all.begin(), all.end()).size(), 20u);
  EXPECT_FALSE(std::is_sorted(all.begin(), all.end()));
  EXPECT_EQ(all, drawn(20, 20, {.seed = 1}));
  EXPECT_NE(all, drawn(20, 20, {.seed = 2}));
  EXPECT_NE(all, drawn(20, 20, {.seed = 1, .request = 1}));
}

TEST(Drawn, AreTheFirstOfMoreAndNeverMoreThanThereAre) {
  const auto all = drawn(20, 20, {.seed = 1});
  EXPECT_EQ(drawn(20, 5, {.seed = 1}), std::vector<size_t>(all.begin(), all.begin() + 5));
  EXPECT_EQ(drawn(20, 50, {.seed = 1}), all);
  EXPECT_TRUE(drawn(0, 3, {.seed = 1}).empty());
}

// Each place is drawn first about as often: 20 of 200 draws of one of ten.
TEST(Drawn, FavourNoPlace) {
  std::vector<int> count(10);
  for (uint64_t seed = 0; seed < 200; ++seed) ++count[drawn(10, 1, {.seed = seed})[0]];
  for (const int n : count) EXPECT_NEAR(n, 20, 14);
}

}  // namespace
}  // namespace amalgam::pipeline
