#include "rewards/text/chars.h"

#include <gtest/gtest.h>

namespace amalgam::rewards {
namespace {

TEST(Chars, InvalidBytesBecomeReplacements) {
  EXPECT_EQ(decoded("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), U"a\u00e9\u20ac\U0001F600");
  EXPECT_EQ(decoded("\xFF"), U"\uFFFD");
  EXPECT_EQ(decoded("\xC3"), U"\uFFFD");            // cut off
  EXPECT_EQ(decoded("\xC0\x80"), U"\uFFFD\uFFFD");  // overlong
  EXPECT_EQ(decoded("\xE0\x80\x80"), U"\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(decoded("\xED\xA0\x80"), U"\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(decoded("\xF4\x90\x80\x80"), U"\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(decoded(std::string("a\0b", 3)).size(), 3);
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
  EXPECT_EQ(encoded(decoded(text)), text);
}

TEST(Chars, SpacesAreThoseOfPython) {
  EXPECT_EQ(stripped(U" \t\u00a0\u3000\x1c\u0085x\u200b \x1f"), U"x\u200b");
  EXPECT_EQ(words_of(U" a\u2003b\x1c c\u200bd "), (std::vector<Chars>{U"a", U"b", U"c\u200bd"}));
  EXPECT_TRUE(words_of(U" \n").empty());
}

TEST(Chars, LowerCaseKnowsTheFinalSigma) {
  EXPECT_EQ(lowered(U"ΟΔΟΣ ΣΑΣ Σ"), U"οδος σας σ");
  EXPECT_EQ(lowered(U"ΑΣ'Α ΑΣ'"), U"ασ'α ας'");
  EXPECT_EQ(lowered(U"\u0130K\u212a"), U"i\u0307kk");
}

TEST(Chars, CaseIsOfCasedCharacters) {
  EXPECT_TRUE(is_upper(U"A1!"));
  EXPECT_FALSE(is_upper(U"1!"));
  EXPECT_FALSE(is_upper(U"Aa"));
  EXPECT_FALSE(is_upper(U"A\u01c5"));  // a title case digraph
  EXPECT_TRUE(is_upper(U"\u2167"));    // VIII
  EXPECT_TRUE(is_lower(U"a\u00aa"));
}

TEST(Unicode, WordsAndDigits) {
  EXPECT_TRUE(is(U'\u00b2', kWord) && is(U'\u00b2', kDigit) && !is(U'\u00b2', kDecimal));
  EXPECT_TRUE(is(U'\u0301', kRegexWord) && !is(U'\u0301', kWord));
  EXPECT_TRUE(is(U'_', kWord) && is(U'_', kRegexWord));
  EXPECT_TRUE(is(0x1c, kSpace) && !is(0x1c, kRegexSpace));
  EXPECT_EQ(properties(0x110000), 0);
  EXPECT_EQ(fold(0x212a), fold('k'));
  EXPECT_EQ(fold(0x17f), fold('S'));
  EXPECT_EQ(fold(0x131), fold('I'));
  EXPECT_NE(fold(0xdf), fold('s'));
}

TEST(Chars, SplitsAndCounts) {
  EXPECT_EQ(split_at(U"a,,b", U","), (std::vector<Chars>{U"a", U"", U"b"}));
  EXPECT_EQ(split_at(U"", U","), (std::vector<Chars>{U""}));
  EXPECT_EQ(count_of(U"aaaaa", U"aa"), 2);
  EXPECT_EQ(replaced(U"a.b.", U".", U"--"), U"a--b--");
  EXPECT_EQ(stripped_of_marks(U"\"(a-b) .\""), U"a-b");
}

}  // namespace
}  // namespace amalgam::rewards
