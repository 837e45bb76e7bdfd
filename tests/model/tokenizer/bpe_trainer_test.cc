#include "model/tokenizer/bpe_trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "configs/error.h"
#include "model/tokenizer/special_tokens.h"
#include "model/tokenizer/tokenizer.h"
#include "tests/paths.h"

namespace amalgam::model {
namespace {

using Json = nlohmann::json;
using Texts = std::vector<std::string>;

constexpr int32_t kSpecial = static_cast<int32_t>(kSpecialTokens.size());
constexpr int64_t kSmallest = kSpecial + 256;

int32_t byte_id(char c) { return kSpecial + c - '!'; }  // printable ASCII

std::vector<std::string> merged(const TrainedBpe& bpe) {
  return {bpe.tokens.begin() + kSmallest, bpe.tokens.end()};
}

TEST(BpeTrainerTest, MostFrequentPairFirst) {
  // "ab" 5 times, "bc" 3 times, then "ab"+"c" 3 times.
  const TrainedBpe bpe = train_bpe(Texts{"abc abc abc", "ab ab"}, {kSmallest + 2});
  EXPECT_EQ(merged(bpe), (Texts{"ab", " ab"}));  // then " "+"ab" 3 times, before "ab"+"c": ' ' < ab
}

TEST(BpeTrainerTest, TiesGoToTheSmallestIds) {
  const TrainedBpe bpe = train_bpe(Texts{"zy.zy.zy", "cd\ncd\ncd", "ce"}, {kSmallest + 1});
  EXPECT_EQ(bpe.merges[0], (std::pair<int32_t, int32_t>{byte_id('c'), byte_id('d')}));
}

TEST(BpeTrainerTest, OverlappingPairsMergeFromTheLeft) {
  // aaaa: (a,a) counted 3 times a word, merged twice, then aa+aa.
  const TrainedBpe bpe = train_bpe(Texts{"aaaa", "aaaa"}, {kSmallest + 10});
  EXPECT_EQ(merged(bpe), (Texts{"aa", "aaaa"}));
}

TEST(BpeTrainerTest, TheOrderOfTextsDoesNotMatter) {
  Texts texts;
  for (int i = 0; i < 300; ++i) {
    texts.push_back("def f" + std::to_string(i * 7919 % 1000) + "(x): return x + " +
                    std::string(static_cast<size_t>(i % 5), 'q') + " sum of the rows");
  }
  const std::string forward = tokenizer_json(train_bpe(texts, {400}));
  std::reverse(texts.begin(), texts.end());
  EXPECT_EQ(tokenizer_json(train_bpe(texts, {400})), forward);
}

TEST(BpeTrainerTest, DigitsStaySingleAndSpecialStringsAreNotLearned) {
  Texts texts(50, "1234 1234<think>1234</think> 1234");
  const TrainedBpe bpe = train_bpe(texts, {2000});
  EXPECT_EQ(merged(bpe), Texts{});
  const Tokenizer t = Tokenizer::from_json(tokenizer_json(bpe), "trained");
  EXPECT_EQ(t.encode("12<think>", SpecialText::kAsTokens),
            (std::vector<int32_t>{byte_id('1'), byte_id('2'), t.require_added_token(kThinkStart)}));
}

TEST(BpeTrainerTest, SpecialTokensHaveFixedIds) {
  const Tokenizer t = Tokenizer::from_json(tokenizer_json(train_bpe(Texts{}, {1024})), "trained");
  EXPECT_EQ(t.vocab_size(), kSmallest);
  for (int32_t id = 0; id < kSpecial; ++id) {
    EXPECT_EQ(t.require_added_token(kSpecialTokens[static_cast<size_t>(id)]), id);
  }
  EXPECT_EQ(t.require_added_token(kBos), 0);
  EXPECT_EQ(t.require_added_token(kEos), 1);
  EXPECT_TRUE(t.is_special(1));
  EXPECT_FALSE(t.is_special(t.require_added_token(kThinkEnd)));
}

TEST(BpeTrainerTest, InvalidUtf8AndTooSmallVocabularies) {
  EXPECT_NO_THROW(train_bpe(Texts{"\xFF\xFE", "a\xE2\x82"}, {1024}));
  EXPECT_THROW(train_bpe(Texts{"a"}, {kSmallest - 1}), Error);
  EXPECT_THROW(train_bpe(Texts{"a"}, {-5}), Error);
}

// Trained, encoded and decoded by the tokenizers library (tests/golden/tokenizer/make_golden.py).
TEST(BpeTrainerTest, TrainedTokenizerEqualsTheLibrary) {
  std::ifstream file(tests::golden("tokenizer/trained.json"));
  ASSERT_TRUE(file);
  const Json golden = Json::parse(file);
  const auto texts = golden["training_texts"].get<Texts>();
  const TrainedBpe bpe = train_bpe(texts, {golden["vocab_size"].get<int64_t>()});
  const std::string json = tokenizer_json(bpe);
  EXPECT_EQ(Json::parse(json)["model"]["vocab"], golden["vocab"]);
  EXPECT_EQ(Json::parse(json)["model"]["merges"], golden["merges"]);
  const Tokenizer t = Tokenizer::from_json(json, "trained");
  ASSERT_GT(golden["vectors"].size(), 30u);
  for (const Json& vector : golden["vectors"]) {
    const auto text = vector["text"].get<std::string>();
    const auto ids = vector["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(t.encode(text, SpecialText::kAsTokens), ids) << text;
    EXPECT_EQ(t.decode(ids, SpecialIds::kSkip), vector["decoded"].get<std::string>()) << text;
  }
}

}  // namespace
}  // namespace amalgam::model
