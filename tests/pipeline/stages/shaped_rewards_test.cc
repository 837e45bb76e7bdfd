#include "pipeline/stages/shaped_rewards.h"

#include <gmock/gmock.h>

#include "model/tokenizer/special_tokens.h"
#include "tests/rollout/episodes/episode_case.h"

namespace amalgam::pipeline {
namespace {

using ::testing::Pair, ::testing::UnorderedElementsAre;

class ShapedRewardsTest : public ::testing::Test {
 protected:
  // An answer of these tokens, its end token not among them.
  proto::Trajectory sample(int64_t group, double score, int tokens, const std::string& effort,
                           const std::string& domain = "one") const {
    proto::Trajectory t;
    t.mutable_meta()->set_group(group);
    t.mutable_meta()->set_domain(domain);
    t.mutable_meta()->set_effort(effort);
    t.mutable_meta()->set_reward(score);
    t.mutable_meta()->set_outcome(proto::OUTCOME_OK);
    t.mutable_meta()->set_prompt_length(1);
    const auto add = [&](proto::Writer writer, int32_t id) {
      t.add_ids(id);
      t.mutable_writer()->push_back(static_cast<char>(writer));
    };
    add(proto::WRITER_PROMPT,
        tokenizer_.require_added_token(effort == "none" ? model::kThinkEnd : model::kThinkStart));
    for (int i = 0; i < tokens; ++i) add(proto::WRITER_POLICY, 40 + i % 3);
    add(proto::WRITER_POLICY, tokenizer_.require_added_token(model::kEos));
    return t;
  }
  std::vector<std::optional<ShapedReward>> shape(
      const configs::LengthPenaltyConfig& config,
      const std::vector<proto::Trajectory>& trajectories) const {
    return shape_rewards([&](const auto&) { return config; }, tokenizer_, trajectories,
                         [](const auto& meta) { return 10 * (meta.group() + 1); });
  }

  const model::Tokenizer tokenizer_ = rollout::small_tokenizer();
};

// Groups need not be together; an answer without a score has no reward and is not compared.
TEST_F(ShapedRewardsTest, InsideTheirGroup) {
  std::vector<proto::Trajectory> all = {sample(0, 1, 2, "high"), sample(1, 1, 30, "none"),
                                        sample(0, 1, 6, "high"), sample(0, 0, 90, "high")};
  all[3].mutable_meta()->set_outcome(proto::OUTCOME_VERIFIER_FAILED);
  const auto shaped = shape({.form = configs::LengthForm::kKimiK15}, all);
  EXPECT_EQ(shaped[0]->reward, 1.5);
  EXPECT_EQ(shaped[2]->reward, 0.5);
  EXPECT_EQ(shaped[1]->reward, 1);  // alone
  EXPECT_EQ(shaped[1]->score, 1);
  EXPECT_EQ(shaped[1]->length.tokens, 30);
  EXPECT_FALSE(shaped[3]);
}

TEST_F(ShapedRewardsTest, TheWindowIsTheGroups) {
  const auto shaped = shape({.form = configs::LengthForm::kOverlong, .buffer = 4},
                            {sample(0, 1, 8, "high"), sample(1, 1, 8, "high")});
  EXPECT_EQ(shaped[0]->reward, 0.5);
  EXPECT_EQ(shaped[1]->reward, 1);
}

TEST_F(ShapedRewardsTest, FiguresOfAStep) {
  const std::vector<proto::Trajectory> all = {
      sample(0, 1, 2, "high", "a"), sample(0, 0, 4, "high", "a"), sample(1, 1, 6, "none", "b")};
  const auto shaped =
      shape({.form = configs::LengthForm::kLinear, .k = {{"high", 0.25}, {"none", 0.5}}}, all);
  NamedValues figures;
  add_figures(all, shaped, &figures);
  EXPECT_THAT(
      figures,
      UnorderedElementsAre(
          Pair("critic/score/mean/a", 0.5), Pair("critic/score/mean/b", 1),
          Pair("critic/rewards/mean", -2.5 / 3), Pair("critic/rewards/mean/a", -0.25),
          Pair("critic/rewards/mean/b", -2), Pair("critic/length_penalty/mean", -4.5 / 3),
          Pair("critic/length_penalty/mean/a", -0.75), Pair("critic/length_penalty/mean/b", -3),
          Pair("response_length/answer_mean", 4), Pair("response_length/answer_mean/a", 3),
          Pair("response_length/answer_mean/b", 6),
          Pair("response_length/unclosed_thinking", 2.0 / 3),
          Pair("response_length/unclosed_thinking/a", 1),
          Pair("response_length/unclosed_thinking/b", 0)));
}

// Prompts count alike, however many samples of them were scored.
TEST_F(ShapedRewardsTest, FiguresOfAValidation) {
  std::vector<proto::Trajectory> all = {sample(0, 1, 2, "none"), sample(0, 1, 4, "none"),
                                        sample(1, 0, 9, "none")};
  all[2].mutable_meta()->set_outcome(proto::OUTCOME_TRUNCATED);
  const auto shaped =
      shape({.form = configs::LengthForm::kLinear, .k = {{"none", 0.25}}, .cap = 1}, all);
  std::vector<PromptRow> prompts(2);
  prompts[0].source = prompts[1].source = "s";
  NamedValues figures;
  EXPECT_EQ(add_validation_figures(all, shaped, prompts, 2, &figures), -0.375);
  EXPECT_THAT(figures, UnorderedElementsAre(Pair("val-aux/s/reward/mean@2", -0.375),
                                            Pair("val-aux/s/response_length/mean", 6),
                                            Pair("val-aux/s/truncated", 0.5),
                                            Pair("val-aux/s/unclosed_thinking", 0)));
  prompts[1].source = "t";
  figures.clear();
  add_validation_figures(all, shaped, prompts, 2, &figures);
  EXPECT_THAT(figures, ::testing::Contains(Pair("val-aux/s/reward/mean@2", 0.25)));
  EXPECT_THAT(figures, ::testing::Contains(Pair("val-aux/t/reward/mean@2", -1)));
  EXPECT_THAT(figures, ::testing::Contains(Pair("val-aux/all/reward/mean@2", -0.375)));
}

}  // namespace
}  // namespace amalgam::pipeline
