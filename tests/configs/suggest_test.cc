#include "configs/suggest.h"

#include <gtest/gtest.h>

namespace amalgam::configs {
namespace {

TEST(EditDistance, CountsInsertionsDeletionsAndReplacements) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("abc", ""), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("flaw", "lawn"), 2);
}

TEST(Nearest, FindsSlipsAndNothingElse) {
  EXPECT_EQ(nearest("rolout", {"rl", "rollout", "roll"}), "rollout");
  EXPECT_EQ(nearest("temprature", {"temperature", "n"}), "temperature");
  EXPECT_EQ(nearest("seed", {"n", "steps"}), "");
  EXPECT_EQ(nearest("x", {"n"}), "");
  EXPECT_EQ(nearest("word", {}), "");
  // Too far for a slip, but the beginning of one.
  EXPECT_EQ(nearest("reasoning", {"role", "reasoning_content"}), "reasoning_content");
  EXPECT_EQ(nearest("content_text", {"role", "content"}), "content");
  EXPECT_EQ(nearest("rea", {"reasoning_content"}), "");
}

}  // namespace
}  // namespace amalgam::configs
