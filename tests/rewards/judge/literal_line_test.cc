#include "rewards/judge/literal_line.h"

#include <gtest/gtest.h>

#include <random>

#include "configs/utf8.h"

namespace amalgam::rewards {
namespace {

TEST(LiteralLine, IsOneLine) {
  EXPECT_EQ(literal_line("", {}), "");
  EXPECT_EQ(literal_line(" \n\t ", {}), "");
  EXPECT_EQ(literal_line("  Dear tent ,\r\n\r\n thanks .\n", {}), "Dear tent , thanks .");
  for (const char* blank :
       {"\n",       "\r",     "\t",     "\v",     "\f",     "\x01",   "\x1b",       "\x7f",
        "\xC2\x85", "\u2028", "\u2029", "\u00A0", "\u00AD", "\u200B", "\u200D",     "\u200E",
        "\u202E",   "\u2060", "\u2066", "\u2069", "\u3000", "\uFEFF", "\U000E0041", "\u061C"})
    EXPECT_EQ(literal_line(std::string("a") + blank + blank + "b" + blank, {}), "a b") << blank;
  EXPECT_EQ(literal_line(std::string_view("a\0b", 3), {}), "a b");
}

TEST(LiteralLine, LeavesOtherCharactersAndMendsBytes) {
  EXPECT_EQ(literal_line("é ü 文 👍\uFE0F <b> {answer}", {}), "é ü 文 👍\uFE0F <b> {answer}");
  EXPECT_EQ(literal_line("a\xFFz \xE2\x82", {}), "a\uFFFDz \uFFFD\uFFFD");
}

TEST(LiteralLine, BreaksSpecialStrings) {
  const std::vector<std::string> specials = {"<｜User｜>", "</think>", "<think>", "｜DSML｜"};
  EXPECT_EQ(literal_line("a</think><｜User｜>b", specials), "a< /think>< ｜User｜>b");
  EXPECT_EQ(literal_line("<</think>/think>", specials), "<< /think>/think>");
  EXPECT_EQ(literal_line("<｜DSML｜x", specials), "<｜ DSML｜x");
  EXPECT_EQ(literal_line("</ think> </Think> </think", specials), "</ think> </Think> </think");
}

TEST(LiteralLine, BreaksWhatComesAboutByIt) {
  // "ab" becomes "a b", which is special too; a character that stands alone can only go.
  EXPECT_EQ(literal_line("xabx", {"ab", "a b"}), "x bx");
  EXPECT_EQ(literal_line("a\u200Bb", {"a b"}), "b") << "made by the space of U+200B";
  EXPECT_EQ(literal_line("<a|b>", {"|"}), "<ab>");
  EXPECT_EQ(literal_line("<|b>", {"|", "<b"}), "< b>") << "joined when the bar went";
  EXPECT_EQ(literal_line("\xFF!", {"\uFFFD"}), "!");
  EXPECT_EQ(literal_line("aaaa", {"aa"}), "a a a a");
}

TEST(LiteralLine, BlankSpecialStringsAreNotLookedFor) {
  EXPECT_EQ(literal_line("a  b\n", {"", " ", "\n", "  "}), "a b");
}

TEST(LiteralLine, OfAnyTextHasNoneOfAnySpecialStrings) {
  std::mt19937 random(7);
  const auto pick = [&](size_t n) { return static_cast<size_t>(random() % n); };
  const std::vector<std::string> parts = {"<",  "|", ">",  "/",      "a",
                                          "｜", " ", "\n", "\u200B", "\xFF"};
  const auto text = [&](size_t max) {
    std::string made;
    for (size_t n = pick(max) + 1; n > 0; --n) made += parts[pick(parts.size())];
    return made;
  };
  int num_broken = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::string> specials;
    for (size_t n = pick(4) + 1; n > 0; --n) specials.push_back(replace_invalid_utf8(text(5)));
    std::string answer = text(30);
    // Nested: a special string inside another, or cut by what becomes a space or goes.
    for (int i = 0; i < 3; ++i) {
      std::string nested = specials[pick(specials.size())];
      nested.insert(pick(2) ? nested.size() / 2 : 0, specials[pick(specials.size())]);
      answer.insert(pick(answer.size() + 1), nested);
    }
    const std::string line = literal_line(answer, specials);
    SCOPED_TRACE(testing::PrintToString(answer) + " → " + testing::PrintToString(line));
    for (const std::string& special : specials) {
      if (special.find_first_not_of(" \n\u200B") == special.npos) continue;
      ASSERT_EQ(line.find(special), line.npos) << special;
    }
    num_broken += line != literal_line(answer, {});
    ASSERT_EQ(valid_utf8_prefix(line), line.size());
    ASSERT_EQ(line.find_first_of("\n\r"), line.npos);
    ASSERT_EQ(line.find("  "), line.npos);
    ASSERT_FALSE(line.starts_with(' ') || line.ends_with(' '));
    ASSERT_EQ(literal_line(line, specials), line);
  }
  EXPECT_GT(num_broken, 10000);
}

TEST(LiteralLine, OfALongAnswerTakesItsLengthInTime) {
  std::string answer;
  for (int i = 0; i < 200000; ++i) answer += "</s>";
  const std::string line = literal_line(answer, {"</s>"});
  EXPECT_EQ(line.size(), 1000000u);
}

}  // namespace
}  // namespace amalgam::rewards
