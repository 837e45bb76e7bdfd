#include "configs/log/line.h"

#include <gtest/gtest.h>

namespace amalgam::log {
namespace {

Line a_line(const std::string& text) {
  return {.level = Level::kWarning,
          .part = Part::kReward,
          .audience = Audience::kConsole,
          .process = "worker 1",
          .place = {"rl-math", 12},
          .text = text};
}

TEST(LogLine, SaysWhoWhereAndWhat) {
  EXPECT_EQ(text_of(a_line("no answer")), "[worker 1] [rl-math 12] reward: no answer");
  EXPECT_EQ(text_of({.place = {"base", -1}, .text = "begins"}), "[main] [base] run: begins");
  EXPECT_EQ(text_of({.text = "early"}), "[main] [-] run: early");
}

TEST(LogLine, AsJson) {
  EXPECT_EQ(json_of(a_line(R"(a "b" \c)")),
            R"("process":"worker 1","part":"reward","stage":"rl-math","step":12,)"
            R"("text":"a \"b\" \\c")");
  EXPECT_EQ(json_of({.text = "x"}),
            R"("process":"main","part":"run","stage":"","step":null,"text":"x")");
}

TEST(LogLine, IsRelayedWhole) {
  const std::string sent = relayed(a_line("a text"));
  ASSERT_EQ(sent.back(), '\n');
  const auto got = parse_relayed(std::string_view(sent).substr(0, sent.size() - 1));
  ASSERT_TRUE(got);
  EXPECT_EQ(text_of(*got), text_of(a_line("a text")));
  EXPECT_EQ(got->level, Level::kWarning);
  EXPECT_EQ(got->audience, Audience::kConsole);
}

TEST(LogLine, OtherWordsAreNotRelayedOnes) {
  for (const char* text : {"", "Traceback (most recent call last):", "\x1e",
                           "\x1e"
                           "1\t2\t3\tx",
                           "\x1e"
                           "9\t0\t0\tmain\t\t-1\ttext",
                           "\x1e"
                           "1\t-1\t0\tmain\t\t-1\ttext"})
    EXPECT_FALSE(parse_relayed(text)) << text;
}

TEST(LogLine, TextIsOnePrintableLine) {
  EXPECT_EQ(clean_text("a\nb\tc\x1b[1m\x7f"), "a\\x0ab c\\x1b[1m\\x7f");
  EXPECT_EQ(clean_text("Grüße \xff"), "Grüße \xef\xbf\xbd");
  const std::string once = clean_text(std::string(10'000, '\1'));
  EXPECT_LE(once.size(), kMaxText + 3);
  EXPECT_EQ(clean_text(once), once);
}

}  // namespace
}  // namespace amalgam::log
