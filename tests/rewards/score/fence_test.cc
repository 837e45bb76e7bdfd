#include "rewards/score/fence.h"

#include <gtest/gtest.h>

namespace amalgam::rewards {
namespace {

TEST(Fence, FirstAndLastOfSeveral) {
  const std::string_view text = "so:\n```python\na\nb\n```\nor\n```\nc\n```\nthat's it";
  EXPECT_EQ(first_fence(text), "a\nb\n");
  EXPECT_EQ(last_fence(text), "c\n");
  EXPECT_EQ(first_fence("```\n```"), "");
  EXPECT_EQ(last_fence("```\n```"), "");
  EXPECT_EQ(last_fence("```\na```"), "a") << "the mark need not begin its line";
}

TEST(Fence, AnIncompleteOneIsNone) {
  for (const char* text : {"", "a", "```", "a ```", "```\na", "```a```", "````", "``\na``"}) {
    EXPECT_EQ(first_fence(text), std::nullopt) << text;
    EXPECT_EQ(last_fence(text), std::nullopt) << text;
  }
  // What follows the last complete fence is not looked at from the front, nor the reverse.
  EXPECT_EQ(first_fence("```\na\n```\n```"), "a\n");
  EXPECT_EQ(last_fence("```\na\n```\n```"), "");
}

}  // namespace
}  // namespace amalgam::rewards
