#include "learner/optim/schedule.h"

#include <gtest/gtest.h>

namespace amalgam::learner {
namespace {

TEST(ScheduleTest, WarmUpConstantDecay) {
  const configs::OptimConfig c{
      .lr = 2, .warmup_steps = 4, .decay_fraction = 0.3, .final_lr_factor = 0.1};
  const auto lr = [&](int64_t step) { return learning_rate(c, step, 20); };
  EXPECT_DOUBLE_EQ(lr(0), 0.5);
  EXPECT_DOUBLE_EQ(lr(2), 1.5);
  EXPECT_DOUBLE_EQ(lr(3), 2);
  EXPECT_DOUBLE_EQ(lr(4), 2);
  EXPECT_DOUBLE_EQ(lr(13), 2);  // the last 6 steps decay
  EXPECT_DOUBLE_EQ(lr(14), 2 * (1 - 0.9 / 6));
  EXPECT_DOUBLE_EQ(lr(16), 2 * (1 - 0.9 / 2));
  EXPECT_DOUBLE_EQ(lr(19), 0.2);
  EXPECT_DOUBLE_EQ(lr(25), 0.2);  // beyond the end
}

TEST(ScheduleTest, ConstantAndOverlap) {
  const configs::OptimConfig constant{.lr = 3};
  for (int64_t step : {0, 1, 9}) EXPECT_EQ(learning_rate(constant, step, 10), 3);
  const configs::OptimConfig both{
      .lr = 1, .warmup_steps = 10, .decay_fraction = 1, .final_lr_factor = 0};
  EXPECT_DOUBLE_EQ(learning_rate(both, 0, 10), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(both, 4, 10), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(both, 9, 10), 0);
}

TEST(ScheduleTest, MtpLossWeightIsLowerWhileTheRateDecays) {
  configs::SftConfig c{.steps = 20, .mtp_loss_weight = 0.3, .mtp_late_loss_weight = 0.1};
  c.optim.decay_fraction = 0.3;  // the last 6 steps
  EXPECT_EQ(mtp_loss_weight(c, 0), 0.3);
  EXPECT_EQ(mtp_loss_weight(c, 13), 0.3);
  EXPECT_EQ(mtp_loss_weight(c, 14), 0.1);
  EXPECT_EQ(mtp_loss_weight(c, 30), 0.1);  // beyond the end
  c.optim.decay_fraction = 0;
  EXPECT_EQ(mtp_loss_weight(c, 19), 0.3);
}

}  // namespace
}  // namespace amalgam::learner
