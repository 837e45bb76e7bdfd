#include "pipeline/stages/answer_length.h"

#include <gtest/gtest.h>

#include "model/tokenizer/special_tokens.h"
#include "proto/trajectory.pb.h"
#include "tests/rollout/episodes/episode_case.h"

namespace amalgam::pipeline {
namespace {

const std::string kEos{model::kEos};

class AnswerLengthTest : public ::testing::Test {
 protected:
  void add(proto::Writer writer, const std::string& text) {
    for (const int32_t id : tokenizer_.encode(text, model::SpecialText::kAsTokens)) {
      t_.add_ids(id);
      t_.mutable_writer()->push_back(static_cast<char>(writer));
      if (writer == proto::WRITER_PROMPT)
        t_.mutable_meta()->set_prompt_length(t_.meta().prompt_length() + 1);
    }
  }
  int64_t count(const std::string& text) const {
    return static_cast<int64_t>(tokenizer_.encode(text, model::SpecialText::kAsTokens).size());
  }
  AnswerLength measure() const { return answer_length(tokenizer_, t_); }

  const model::Tokenizer tokenizer_ = rollout::small_tokenizer();
  proto::Trajectory t_;
};

TEST_F(AnswerLengthTest, ToolResultsAndEndTokensAreNotCounted) {
  add(proto::WRITER_PROMPT, "What is 17 + 25?<｜Assistant｜><think>");
  add(proto::WRITER_POLICY, "the value</think>a call" + kEos);
  add(proto::WRITER_TOOL, "<｜User｜>42<｜Assistant｜><think>");
  add(proto::WRITER_POLICY, "the key</think>It is 42." + kEos);
  t_.mutable_meta()->set_outcome(proto::OUTCOME_OK);
  const AnswerLength length = measure();
  EXPECT_EQ(length.tokens, count("the value</think>a call") + count("the key</think>It is 42."));
  EXPECT_EQ(length.thinking_tokens, count("the value") + count("the key"));
  EXPECT_FALSE(length.is_truncated);
  EXPECT_FALSE(length.has_unclosed_thinking);
  EXPECT_EQ(static_cast<int64_t>(answer_ids(tokenizer_, t_).size()), length.tokens);
}

TEST_F(AnswerLengthTest, CutWhileThinking) {
  add(proto::WRITER_PROMPT, "What is 17 + 25?<｜Assistant｜><think>");
  add(proto::WRITER_POLICY, "the value");
  t_.mutable_meta()->set_outcome(proto::OUTCOME_TRUNCATED);
  const AnswerLength length = measure();
  EXPECT_EQ(length.tokens, count("the value"));
  EXPECT_EQ(length.thinking_tokens, length.tokens);
  EXPECT_TRUE(length.is_truncated);
  EXPECT_TRUE(length.has_unclosed_thinking);
}

// The second turn's block is open though the first was closed.
TEST_F(AnswerLengthTest, TheLastTurnsThinkingIsOpen) {
  add(proto::WRITER_PROMPT, "Say<｜Assistant｜><think>");
  add(proto::WRITER_POLICY, "the value</think>a call" + kEos);
  add(proto::WRITER_TOOL, "<｜User｜>42<｜Assistant｜><think>");
  add(proto::WRITER_POLICY, "the key" + kEos);
  EXPECT_TRUE(measure().has_unclosed_thinking);
  EXPECT_EQ(measure().thinking_tokens, count("the value") + count("the key") + 1);
}

TEST_F(AnswerLengthTest, ChatModeDoesNotThink) {
  add(proto::WRITER_PROMPT, "Say<｜Assistant｜></think>");
  add(proto::WRITER_POLICY, "It <think>is 42." + kEos);  // its own tag opens nothing
  EXPECT_EQ(measure().thinking_tokens, 0);
  EXPECT_FALSE(measure().has_unclosed_thinking);
  EXPECT_EQ(measure().tokens, count("It <think>is 42."));
}

}  // namespace
}  // namespace amalgam::pipeline
