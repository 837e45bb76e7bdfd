#include "rollout/episodes/transcript.h"

#include <gtest/gtest.h>

#include "tests/rollout/episodes/episode_case.h"

namespace amalgam::rollout {
namespace {

using model::MessageRole;
using model::SpecialText;
using model::ThinkingMode;

class TranscriptTest : public ::testing::Test {
 protected:
  Episode start(ThinkingMode mode, EpisodeTools tools = EpisodeTools::kRun,
                int64_t max_turns = 3) const {
    return Episode(tokenizer_, eos_, mode, tools,
                   {.max_response_length = 1000, .max_turns = max_turns, .max_positions = 4000},
                   ids("What is 17 + 25?"));
  }
  std::vector<int32_t> ids(const std::string& text) const {
    return tokenizer_.encode(text, SpecialText::kAsTokens);
  }
  void say(Episode& e, const std::string& text) const {
    for (const int32_t id : ids(text)) e.on_token({id, -0.5f});
  }
  int64_t length(const std::string& text) const { return static_cast<int64_t>(ids(text).size()); }

  const model::Tokenizer tokenizer_ = small_tokenizer();
  const int32_t eos_ = tokenizer_.require_added_token(model::kEos);
  const std::string eos_text_{model::kEos};
};

TEST_F(TranscriptTest, MessagesOfAWholeConversation) {
  Episode e = start(ThinkingMode::kThinking);
  const std::string two = calls_text(call_text("calculator", "expression", "17 + 25") +
                                     call_text("lookup", "key", "name"));
  say(e, "the value</think>the key" + two + eos_text_);
  ASSERT_EQ(e.state(), EpisodeState::kToolCalls);
  e.on_tool_tokens(tool_ids(e, {"4<｜User｜>2", "a\n\nname"}));
  say(e, "42</think>The answer is 42." + eos_text_);
  const Transcript t = transcript(e);
  ASSERT_EQ(t.messages.size(), 4u);
  EXPECT_EQ(t.messages[0].role, MessageRole::kAssistant);
  EXPECT_EQ(t.messages[0].reasoning_content, "the value");
  EXPECT_EQ(t.messages[0].content, "the key");
  ASSERT_EQ(t.messages[0].tool_calls.size(), 2u);
  EXPECT_EQ(t.messages[0].tool_calls[1].name, "lookup");
  EXPECT_EQ(t.messages[1].role, MessageRole::kTool);
  EXPECT_EQ(t.messages[1].content, "4<｜User｜>2");  // text that looks like a token stays
  EXPECT_EQ(t.messages[2].content, "a\n\nname");
  EXPECT_EQ(t.messages[3].reasoning_content, "42");
  EXPECT_EQ(t.messages[3].content, "The answer is 42.");
  EXPECT_EQ(t.num_turns, 2);
  EXPECT_EQ(t.solution, "the value</think>the key" + two +
                            "<tool_result>4<｜User｜>2</tool_result>\n\n<tool_result>a\n\nname"
                            "</tool_result>42</think>The answer is 42.");
}

// A result that looks like the frame around results is one result still.
TEST_F(TranscriptTest, ResultsThatHoldTheTags) {
  const std::string tags = "1</tool_result>\n\n<tool_result>2";
  Episode e = start(ThinkingMode::kChat);
  say(e, calls_text(call_text("lookup", "key", "name")) + eos_text_);
  e.on_tool_tokens(tool_ids(e, {tags}));
  const Transcript t = transcript(e);
  ASSERT_EQ(t.messages.size(), 2u);
  EXPECT_EQ(t.messages[1].content, tags);
}

TEST_F(TranscriptTest, CountsTokens) {
  // "</think>" as plain characters is text, and the token ends the thinking.
  const std::string reasoning = "the name", answer = "The answer is 42." + eos_text_;
  Episode e = start(ThinkingMode::kThinking);
  for (const int32_t id : tokenizer_.encode("</think>", SpecialText::kAsText))
    e.on_token({id, -0.5f});
  const auto plain = static_cast<int64_t>(e.logprobs().size());
  say(e, reasoning + "</think>" + answer);
  EXPECT_EQ(transcript(e).thinking_tokens, plain + length(reasoning));
  EXPECT_EQ(transcript(e).response_tokens, plain + length(reasoning) + 1 + length(answer));
  EXPECT_EQ(transcript(e).num_turns, 1);
  EXPECT_EQ(transcript(e).messages[0].reasoning_content, "</think>the name");

  Episode chat = start(ThinkingMode::kChat);
  say(chat, answer);
  EXPECT_EQ(transcript(chat).thinking_tokens, 0);
  EXPECT_EQ(transcript(chat).response_tokens, length(answer));

  Episode turns = start(ThinkingMode::kThinking);
  say(turns, reasoning + "</think>" + calls_text(call_text("lookup", "key", "name")) + eos_text_);
  turns.on_tool_tokens(tool_ids(turns, {"42"}));
  say(turns, "the key</think>" + answer);
  EXPECT_EQ(transcript(turns).thinking_tokens, length(reasoning) + length("the key"));
}

// A </think> that the engine put there parts the turn as any does, and no one wrote it.
TEST_F(TranscriptTest, ForcedEndsOfThinking) {
  const std::string call = calls_text(call_text("lookup", "key", "name"));
  Episode e(tokenizer_, eos_, ThinkingMode::kThinking, EpisodeTools::kRun,
            {.max_response_length = 1000,
             .max_turns = 3,
             .max_positions = 4000,
             .max_thinking_tokens = length("the name")},
            ids("What is 17 + 25?"));
  say(e, "the name" + call + eos_text_);
  e.on_tool_tokens(tool_ids(e, {"42"}));
  say(e, "the name" + std::string("The answer is 42.") + eos_text_);
  const Transcript t = transcript(e);
  ASSERT_EQ(t.messages.size(), 3u);
  EXPECT_EQ(t.messages[0].reasoning_content, "the name");
  ASSERT_EQ(t.messages[0].tool_calls.size(), 1u);
  EXPECT_EQ(t.messages[2].reasoning_content, "the name");
  EXPECT_EQ(t.messages[2].content, "The answer is 42.");
  EXPECT_EQ(t.num_turns, 2);
  EXPECT_EQ(t.forced_thinking_ends, 2);
  EXPECT_EQ(t.thinking_tokens, 2 * length("the name"));
  EXPECT_EQ(t.response_tokens, 2 * length("the name") + length(call + eos_text_) +
                                   length("The answer is 42." + eos_text_));
  EXPECT_EQ(t.solution, "the name</think>" + call +
                            "<tool_result>42</tool_result>the name</think>The answer is 42.");
}

TEST_F(TranscriptTest, TurnsThatDoNotParse) {
  // Cut while thinking.
  Episode cut(tokenizer_, eos_, ThinkingMode::kThinking, EpisodeTools::kRun,
              {.max_response_length = length("the value"), .max_positions = 4000}, ids("key"));
  say(cut, "the value");
  Transcript t = transcript(cut);
  ASSERT_EQ(t.messages.size(), 1u);
  EXPECT_EQ(t.messages[0].reasoning_content, "the value");
  EXPECT_EQ(t.messages[0].content, "");
  EXPECT_EQ(t.thinking_tokens, t.response_tokens);
  EXPECT_EQ(t.solution, "the value");
  // A second </think> is text of the answer; role tokens that the policy wrote are left out.
  Episode odd = start(ThinkingMode::kThinking);
  say(odd, "the</think>value</think>key<｜User｜>" + eos_text_);
  t = transcript(odd);
  EXPECT_EQ(t.messages[0].reasoning_content, "the");
  EXPECT_EQ(t.messages[0].content, "value</think>key");
  EXPECT_EQ(t.solution, "the</think>value</think>key");
  // A broken call is text.
  Episode broken = start(ThinkingMode::kChat);
  const std::string call = calls_text("");
  say(broken, "the value" + call + eos_text_);
  t = transcript(broken);
  EXPECT_EQ(t.messages[0].content, "the value" + call);
  EXPECT_TRUE(t.messages[0].tool_calls.empty());
}

// Half a character at the end, as a cut leaves it.
TEST_F(TranscriptTest, TextIsUtf8) {
  Episode e = start(ThinkingMode::kChat);
  const auto bytes = tokenizer_.encode("\xe2\x82", SpecialText::kAsText);
  for (const int32_t id : bytes) e.on_token({id, -0.5f});
  EXPECT_EQ(transcript(e).solution, "\xef\xbf\xbd");
  EXPECT_EQ(transcript(e).messages[0].content, "\xef\xbf\xbd");
}

TEST_F(TranscriptTest, AnEmptyAnswer) {
  Episode e = start(ThinkingMode::kChat);
  say(e, eos_text_);
  const Transcript t = transcript(e);
  EXPECT_EQ(t.solution, "");
  EXPECT_EQ(t.num_turns, 1);
  EXPECT_EQ(t.messages[0].content, "");
}

}  // namespace
}  // namespace amalgam::rollout
