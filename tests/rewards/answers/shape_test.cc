#include "rewards/answers/shape.h"

#include <gtest/gtest.h>

namespace amalgam::rewards {
namespace {

TEST(ThinkFormat, AsTrlHasIt) {
  EXPECT_EQ(score_think_format("<think>\nThis is it.\n</think>\nAn answer.", false).reward, 1);
  EXPECT_EQ(score_think_format("<think>\nThis is it.\nAn answer.", false).reward, 0);
  EXPECT_EQ(score_think_format("<think>a<think>b</think>c", false).reward, 0);
  EXPECT_EQ(score_think_format(" <think>a</think>c", false).reward, 0);
  EXPECT_EQ(score_think_format("a</think>c", false).reward, 0);
  EXPECT_EQ(score_think_format("a</think>c", true).reward, 1);
  EXPECT_EQ(score_think_format("<think>a</think>c", true).reward, 0);
  EXPECT_EQ(score_think_format("", false).reward, 0);
}

TEST(Repetition, CountsRunsOfWords) {
  EXPECT_EQ(repetition_of("a b c d", 3), 0);
  EXPECT_EQ(repetition_of("a b", 3), 0);
  EXPECT_DOUBLE_EQ(repetition_of("a A a a a", 3), 1 - 1.0 / 3);
  EXPECT_DOUBLE_EQ(score_repetition("x y x y x y", 2, -0.5).reward, -0.5 * (1 - 2.0 / 5));
  EXPECT_EQ(score_repetition("", 2, -0.5).reward, 0);
}

TEST(Length, FallsOverTheBuffer) {
  EXPECT_EQ(score_length(80, 100, 20).reward, 0);
  EXPECT_EQ(score_length(90, 100, 20).reward, -0.5);  // TRL's example
  EXPECT_EQ(score_length(100, 100, 20).reward, -1);
  EXPECT_EQ(score_length(500, 100, 20).reward, -1);
}

}  // namespace
}  // namespace amalgam::rewards
