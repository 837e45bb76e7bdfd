#include "configs/utf8.h"

#include <gtest/gtest.h>

namespace amalgam {
namespace {

TEST(Utf8, ReplacementFollowsMaximalSubparts) {
  // Expected values: Python's bytes.decode(errors="replace").
  EXPECT_EQ(replace_invalid_utf8("a\xE2\x82"), "a\uFFFD");
  EXPECT_EQ(replace_invalid_utf8("\xE2\x82z"), "\uFFFDz");
  EXPECT_EQ(replace_invalid_utf8("\xF0\x9F\x98"), "\uFFFD");
  EXPECT_EQ(replace_invalid_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(replace_invalid_utf8("\xC0\xAF"), "\uFFFD\uFFFD");            // overlong
  EXPECT_EQ(replace_invalid_utf8("\xF5\x80"), "\uFFFD\uFFFD");
}

TEST(Utf8, CharactersOfEachLengthSurviveEncodingAndDecoding) {
  for (const char32_t c : {0x0u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    std::string text;
    append_utf8(c, text);
    const Utf8Step step = decode_utf8(text + "z");
    EXPECT_TRUE(step.valid);
    EXPECT_EQ(step.code_point, c);
    EXPECT_EQ(step.length, text.size());
    for (size_t i = 0; i < text.size(); ++i) EXPECT_EQ(continues_utf8(text[i]), i > 0);
    for (size_t i = 1; i < text.size(); ++i) {
      EXPECT_TRUE(decode_utf8(text.substr(0, i)).truncated);
      EXPECT_EQ(complete_utf8_prefix("z" + text.substr(0, i)), 1u);
    }
  }
}

}  // namespace
}  // namespace amalgam
