#include "learner/estimators/advantage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

namespace amalgam::learner {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

TEST(GroupAdvantagesTest, CentredAndOptionallyScaled) {
  const std::vector<double> rewards{1, 0, 0, 3};
  EXPECT_THAT(group_advantages(rewards, AdvantageScale::kNone), ElementsAre(0, -1, -1, 2));
  // std with 3 in the denominator: sqrt(6 / 3)
  const auto scaled = group_advantages(rewards, AdvantageScale::kStd);
  EXPECT_NEAR(scaled[3], 2 / (std::sqrt(2.0) + 1e-6), 1e-15);
  EXPECT_NEAR(scaled[1], -1 / (std::sqrt(2.0) + 1e-6), 1e-15);
}

TEST(GroupAdvantagesTest, EqualRewardsGiveExactlyZero) {
  // The plain mean of 0.1 taken 10 times is not 0.1.
  const std::vector<double> tenth(10, 0.1), one(1, 5.0);
  for (AdvantageScale scale : {AdvantageScale::kNone, AdvantageScale::kStd}) {
    EXPECT_THAT(group_advantages(tenth, scale), Each(0.0));
    EXPECT_THAT(group_advantages(one, scale), ElementsAre(0.0));
    EXPECT_TRUE(group_advantages({}, scale).empty());
  }
  EXPECT_FALSE(is_informative(tenth));
  EXPECT_FALSE(is_informative(one));
  EXPECT_FALSE(is_informative({}));
  EXPECT_TRUE(is_informative(std::vector<double>{1, 1, 0}));
}

TEST(BatchAdvantagesTest, GroupsAreApartAndAMissingRewardIsNotThere) {
  // Group 5: 1, 3, missing; group 2: 0.5 alone; group 7: missing alone. Members need not be
  // together.
  const std::vector<std::optional<double>> rewards{1, 0.5, 3, std::nullopt, std::nullopt};
  const std::vector<int64_t> groups{5, 2, 5, 5, 7};
  EXPECT_THAT(batch_advantages(rewards, groups, AdvantageScale::kNone),
              ElementsAre(-1, 0, 1, 0, 0));
  const double scaled = 1 / (std::sqrt(2.0) + 1e-6);  // two samples: the variance is 2
  EXPECT_THAT(batch_advantages(rewards, groups, AdvantageScale::kStd),
              ElementsAre(-scaled, 0, scaled, 0, 0));
}

}  // namespace
}  // namespace amalgam::learner
