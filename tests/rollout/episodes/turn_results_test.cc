#include "rollout/episodes/turn_results.h"

#include <gtest/gtest.h>

#include "configs/utf8.h"
#include "model/encoding/conversation.h"
#include "tests/rollout/episodes/episode_case.h"

namespace amalgam::rollout {
namespace {

class TurnResultsTest : public testing::Test {
 protected:
  int64_t num_tokens(const std::string& text) const {
    return static_cast<int64_t>(tokenizer_.encode(text, model::SpecialText::kAsText).size());
  }
  TurnResults turn(size_t num_calls, int64_t room, const TurnLimits& limits = {}) const {
    return TurnResults(tokenizer_, model::ThinkingMode::kThinking, limits, num_calls, room);
  }
  std::string text_of(const TurnResults& turn) const {
    return tokenizer_.decode(turn.ids(), model::SpecialIds::kSkip);
  }
  static size_t count(const std::string& text, const std::string& part) {
    size_t n = 0;
    for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
    return n;
  }

  const model::Tokenizer tokenizer_ = small_tokenizer();
};

TEST_F(TurnResultsTest, AreWhatTheEncodingMakesOfThem) {
  TurnResults t = turn(2, 1000);
  ASSERT_TRUE(t.runs(0));
  t.put(0, "42");
  ASSERT_TRUE(t.runs(1));
  t.put(1, "<｜User｜>");
  const int32_t eos = tokenizer_.require_added_token(model::kEos);
  const std::vector<std::string> results = {"42", "<｜User｜>"};
  EXPECT_EQ(t.ids(),
            model::next_turn_ids(tokenizer_, {&eos, 1}, {.tool_results = results, .user = {}},
                                 model::ThinkingMode::kThinking));
}

TEST_F(TurnResultsTest, CallsBeyondTheBoundSayWhyTheyDoNotRun) {
  TurnResults t = turn(300, 100000);
  ASSERT_TRUE(t.fits());
  size_t num_run = 0;
  for (size_t i = 0; i < 300; ++i) {
    if (!t.runs(i)) continue;
    ++num_run;
    t.put(i, "done");
  }
  EXPECT_EQ(num_run, 16u);
  EXPECT_EQ(count(text_of(t), "<tool_result>done</tool_result>"), 16u);
  EXPECT_EQ(count(text_of(t), "<tool_result>not run: at most 16 calls per turn</tool_result>"),
            284u);
}

// Else 284 short words are as long as the results that they stand for.
TEST_F(TurnResultsTest, AWordOnEachCallHasItsRoom) {
  const auto least = static_cast<int64_t>(turn(300, 0).ids().size());
  EXPECT_TRUE(turn(300, least).fits());
  EXPECT_FALSE(turn(300, least - 1).fits());
  EXPECT_FALSE(turn(300, least).runs(0));
  TurnResults t = turn(300, least + 400);
  for (size_t i = 0; i < 300; ++i)
    if (t.runs(i)) t.put(i, std::string(5000, 'x'));
  EXPECT_LE(static_cast<int64_t>(t.ids().size()), least + 400);
  const std::string text = text_of(t);
  EXPECT_EQ(count(text, "tokens in all"), 1u);  // all of the room is its
  EXPECT_EQ(count(text, "not run: no room for more results"), 15u);
  EXPECT_EQ(count(text, "<tool_result>"), 300u);
}

TEST_F(TurnResultsTest, NeverMoreThanTheRoom) {
  const std::string results[] = {"the value of the key, the name of the value", "", "42\n\n</",
                                 std::string(400, 'x'),
                                 "é…é…é…é…é…é…é…é…é…é…é…é…é…é…é…é…é…é…é…é…é…é"};
  const auto least = static_cast<int64_t>(turn(5, 0).ids().size());
  for (int64_t room = least; room < least + 700; ++room) {
    TurnResults t = turn(5, room);
    for (size_t i = 0; i < 5; ++i)
      if (t.runs(i)) t.put(i, results[(i + static_cast<size_t>(room)) % 5]);
    ASSERT_LE(static_cast<int64_t>(t.ids().size()), room);
    ASSERT_EQ(text_of(t).find("\uFFFD"), std::string::npos) << room;
  }
}

TEST_F(TurnResultsTest, AResultIsCutAtItsTokens) {
  TurnResults t = turn(1, 10000, {.max_calls = 16, .max_result_tokens = 100});
  t.put(0, std::string(3000, 'a') + std::string(3000, 'b'));
  const std::string text = text_of(t);
  EXPECT_EQ(count(text, "tokens in all"), 1u) << text;
  EXPECT_NE(text.find("<tool_result>aaaa"), std::string::npos);
  EXPECT_NE(text.find("bbbb</tool_result>"), std::string::npos);
}

TEST_F(TurnResultsTest, ShortenLeavesOutTheMiddle) {
  EXPECT_EQ(shorten_tokens(tokenizer_, "short", 5), "short");
  std::string text;
  for (int i = 0; i < 300; ++i) text += "name of é, value " + std::to_string(i) + "\n";
  const std::string whole = "… " + std::to_string(num_tokens(text)) + " tokens in all …";
  for (int64_t n = 64; n < 90; ++n) {
    const std::string cut = shorten_tokens(tokenizer_, text, n);
    EXPECT_LE(num_tokens(cut), n);
    EXPECT_GE(num_tokens(cut), n - 6);
    EXPECT_EQ(valid_utf8_prefix(cut), cut.size());
    EXPECT_NE(cut.find(whole), std::string::npos) << cut;
    EXPECT_TRUE(cut.starts_with("name of é"));
    EXPECT_TRUE(cut.ends_with("299\n"));
  }
  // Too short for a count.
  const std::string tiny = shorten_tokens(tokenizer_, text, 12);
  EXPECT_LE(num_tokens(tiny), 12);
  EXPECT_NE(tiny.find("…"), std::string::npos);
}

}  // namespace
}  // namespace amalgam::rollout
