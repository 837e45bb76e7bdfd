#include "pipeline/stages/scores_by_length.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/tokenizer/bpe_trainer.h"
#include "model/tokenizer/special_tokens.h"

namespace amalgam::pipeline {
namespace {

using testing::ElementsAre;

const model::Tokenizer& tokenizer() {
  static const model::Tokenizer t =
      model::Tokenizer::from_json(model::tokenizer_json(model::train_bpe(
                                      std::vector<std::string>{"a b c d"}, {.vocab_size = 300})),
                                  "test");
  return t;
}

// An answer of `tokens` tokens and the end.
proto::Trajectory answer(int64_t prompt, int tokens, double reward,
                         const std::string& effort = "") {
  proto::Trajectory t;
  t.mutable_meta()->set_group(prompt);
  t.mutable_meta()->set_outcome(proto::OUTCOME_OK);
  t.mutable_meta()->set_reward(reward);
  t.mutable_meta()->set_effort(effort);
  t.mutable_meta()->set_prompt_length(1);
  std::string writer(1, static_cast<char>(proto::WRITER_PROMPT));
  t.add_ids(1);
  for (int i = 0; i < tokens; ++i) t.add_ids(tokenizer().encode("a", {})[0]);
  t.add_ids(tokenizer().require_added_token(model::kEos));
  writer.append(static_cast<size_t>(tokens) + 1, static_cast<char>(proto::WRITER_POLICY));
  t.set_writer(writer);
  return t;
}

LengthScores scores_of(const std::vector<proto::Trajectory>& all, int64_t longest) {
  return length_scores(tokenizer(), all, longest);
}

TEST(LengthScores, MeansOverPromptsWithoutTheEndToken) {
  std::vector<proto::Trajectory> all = {answer(0, 3, 1), answer(0, 5, 0), answer(1, 10, 1)};
  all.push_back(answer(1, 99, 1));
  all.back().mutable_meta()->set_outcome(proto::OUTCOME_SANDBOX_FAILED);
  const LengthScores s = scores_of(all, 10);
  EXPECT_EQ(s.tokens.mean, (4 + 10) / 2.0);
  EXPECT_EQ(s.tokens.standard_error, 3);
  std::vector<int64_t> budgets;
  std::vector<double> within;
  for (const auto& [budget, score] : s.within) {
    budgets.push_back(budget);
    within.push_back(score.mean);
    EXPECT_TRUE(score.is_share);
  }
  EXPECT_THAT(budgets, ElementsAre(1, 2, 3, 4, 6, 8, 12));
  EXPECT_THAT(within, ElementsAre(0, 0, 0.25, 0.25, 0.25, 0.25, 0.75));
}

TEST(LengthScores, CorrelationOfNumberAndLength) {
  const LengthScores s = scores_of({answer(0, 2, 1, "10"), answer(1, 4, 1, "20"),
                                    answer(2, 6, 1, "30"), answer(3, 50, 1, "max")},
                                   50);
  EXPECT_EQ(s.by_number.n, 3);
  EXPECT_NEAR(s.by_number.correlation(), 1, 1e-12);
  EXPECT_TRUE(std::isnan(EffortSums{}.correlation()));
}

}  // namespace
}  // namespace amalgam::pipeline
