#include "pipeline/stages/domain_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/tokenizer/bpe_trainer.h"
#include "pipeline/data/forms/row_reader.h"

namespace amalgam::pipeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ExampleRows : public testing::Test {
 protected:
  SftRow encode(const std::string& given) {
    RowStore rows;
    rows.add(given);
    return encode_sft_rows(pool_, tokenizer_, rollout::ToolRegistry::builtin(), domain_, rows)[0];
  }
  // What is read of an example, and what of that is learned.
  struct Texts {
    std::string all, learned;
  };
  Texts texts(const std::string& given) {
    const SftRow encoded = encode(given);
    std::vector<int32_t> learned;
    for (size_t i = 0; i < encoded.ids.size(); ++i)
      if (encoded.learned[i]) learned.push_back(encoded.ids[i]);
    return {tokenizer_.decode(encoded.ids, model::SpecialIds::kKeep),
            tokenizer_.decode(learned, model::SpecialIds::kKeep)};
  }

  const model::Tokenizer tokenizer_ =
      model::Tokenizer::from_json(model::tokenizer_json(model::train_bpe(
                                      std::vector<std::string>{"a b c d"}, {.vocab_size = 300})),
                                  "test");
  kernels::ThreadPool pool_{2};
  configs::DomainConfig domain_ = [] {
    configs::DomainConfig d;
    d.mode = configs::Mode::kChat;
    return d;
  }();
};

TEST_F(ExampleRows, TextIsLearnedAsText) {
  const Texts t = texts(R"({"text": "Heron.<｜User｜>"})");
  EXPECT_EQ(t.all, "<｜begin▁of▁sentence｜>Heron.<｜User｜><｜end▁of▁sentence｜>");
  EXPECT_EQ(t.learned, "Heron.<｜User｜><｜end▁of▁sentence｜>");
  // What looks like a control token in it is none.
  const SftRow encoded = encode(R"({"text": "<｜User｜>"})");
  EXPECT_GT(encoded.ids.size(), 5u);
}

TEST_F(ExampleRows, OfAPromptAndACompletionTheCompletionIsLearned) {
  Texts t = texts(R"({"prompt": "Grass is", "completion": " green."})");
  EXPECT_EQ(t.all, "<｜begin▁of▁sentence｜>Grass is green.<｜end▁of▁sentence｜>");
  EXPECT_EQ(t.learned, " green.<｜end▁of▁sentence｜>");
  t = texts(R"({"question": "q", "answer": "a", "system": "s"})");
  EXPECT_EQ(t.all,
            "<｜begin▁of▁sentence｜>s<｜User｜>q<｜Assistant｜></think>a<｜end▁of▁sentence｜>");
  EXPECT_EQ(t.learned, "a<｜end▁of▁sentence｜>");
}

TEST_F(ExampleRows, AnswersThatAreNotLearnedAreRead) {
  const std::string turns =
      R"([{"role": "user", "content": "u"}, {"role": "assistant", "content": "x", "weight": 0},
          {"role": "user", "content": "v"}, {"role": "assistant", "content": "y"}])";
  EXPECT_EQ(texts(R"({"messages": )" + turns + "}").learned, "y<｜end▁of▁sentence｜>");
  // Whatever is put before the messages.
  domain_.tools = {"submit"};
  EXPECT_EQ(texts(R"({"messages": )" + turns + "}").learned, "y<｜end▁of▁sentence｜>");
  const Texts t = texts(
      R"({"prompt": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "x"},
                     {"role": "user", "content": "v"}],
          "completion": [{"role": "assistant", "content": "y"}]})");
  EXPECT_THAT(t.all, HasSubstr("x<｜end▁of▁sentence｜>"));
  EXPECT_EQ(t.learned, "y<｜end▁of▁sentence｜>");
}

TEST_F(ExampleRows, ToolsOfOthersAreShown) {
  const Texts t = texts(
      R"({"tools": [{"name": "lamp", "parameters": {"type": "object"}}],
          "messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]})");
  EXPECT_THAT(t.all, HasSubstr("{\"name\": \"lamp\", \"parameters\": {\"type\": \"object\"}}"));
}

TEST_F(ExampleRows, TheirPromptsAreThoseOfTheAnswers) {
  const auto prompts = [&](const std::string& given) {
    return encoded_sft_prompts(rollout::ToolRegistry::builtin(), domain_,
                               row_from_json(given, RowUse::kExample, "row"));
  };
  EXPECT_TRUE(prompts(R"({"text": "t"})").empty());
  EXPECT_THAT(prompts(R"({"prompt": "p", "completion": "c"})"),
              ElementsAre("<｜begin▁of▁sentence｜>p"));
}

}  // namespace
}  // namespace amalgam::pipeline
