#include "pipeline/stages/flat_rewards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/trajectory.pb.h"
#include "tests/rollout/episodes/episode_case.h"

namespace amalgam::pipeline {
namespace {

using testing::HasSubstr;
using testing::Not;

class FlatRewardsTest : public testing::Test {
 protected:
  // NaN: not scored.
  std::vector<proto::Trajectory> step(int64_t number, const std::vector<double>& rewards) const {
    std::vector<proto::Trajectory> all;
    for (const double reward : rewards) {
      proto::Trajectory t;
      auto& meta = *t.mutable_meta();
      meta.set_stage("rl-sums");
      meta.set_step(number);
      meta.set_prompt_id("sums-train-" + std::to_string(all.size()));
      if (reward == reward) meta.set_reward(reward);
      const auto prompt = tokenizer_.encode("What is 17 + 25?", model::SpecialText::kAsTokens);
      const auto answer = tokenizer_.encode("The answer\nis 42." + std::string(model::kEos),
                                            model::SpecialText::kAsTokens);
      for (const auto* part : {&prompt, &answer})
        for (const int32_t id : *part) t.add_ids(id);
      t.set_writer(std::string(prompt.size(), static_cast<char>(proto::WRITER_PROMPT)) +
                   std::string(answer.size(), static_cast<char>(proto::WRITER_POLICY)));
      meta.set_prompt_length(static_cast<int32_t>(prompt.size()));
      all.push_back(std::move(t));
    }
    return all;
  }
  std::string add(int64_t number, const std::vector<double>& rewards) {
    return flat_
        .add(step(number, rewards),
             [&](const proto::Trajectory&) {
               return R"({"prompt": "What is 17 + 25?", "reward_model": {"style": "rule",)"
                      R"( "ground_truth": "42"}})";
             })
        .value_or("");
  }

  const model::Tokenizer tokenizer_ = rollout::small_tokenizer();
  const double none_ = std::numeric_limits<double>::quiet_NaN();
  FlatRewards flat_{tokenizer_, std::nullopt};
};

TEST_F(FlatRewardsTest, TwoStepsOfEqualRewardsAreSaidOnce) {
  EXPECT_EQ(add(6, {0, 0, 0}), "");
  const std::string text = add(7, {0, 0, 0});
  EXPECT_THAT(text, HasSubstr("rl-sums: all rewards of steps 6 and 7 are 0"));
  EXPECT_THAT(text, HasSubstr("sums-train-0"));
  EXPECT_THAT(text, HasSubstr(R"("The answer\nis 42.")"));
  EXPECT_THAT(text, HasSubstr(R"(truth: "42")"));
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  EXPECT_EQ(add(8, {0, 0}), "");
  EXPECT_EQ(add(9, {0, 1}), "");
  EXPECT_EQ(add(10, {0, 0}), "");
  EXPECT_NE(add(11, {0, 0}), "");  // again, after rewards that differed
}

TEST_F(FlatRewardsTest, WhatDiffersIsNotSaid) {
  EXPECT_EQ(add(0, {0, 0.1}), "");
  EXPECT_EQ(add(1, {0.1, 0.1}), "");
  EXPECT_EQ(add(2, {0.2, 0.2}), "");  // the two steps differ
  EXPECT_EQ(add(3, {0, 0.2}), "");
}

TEST_F(FlatRewardsTest, TheBestRewardIsWellWhereItIsKnown) {
  flat_ = FlatRewards(tokenizer_, 1);
  EXPECT_EQ(add(0, {1, 1}), "");
  EXPECT_EQ(add(1, {1, 1}), "");
  add(2, {0, 0});
  EXPECT_NE(add(3, {0, 0}), "");
}

TEST_F(FlatRewardsTest, SamplesWithoutARewardDoNotCount) {
  EXPECT_EQ(add(0, {0, none_}), "");
  EXPECT_EQ(add(1, {none_, none_}), "");
  EXPECT_NE(add(2, {none_, 0}), "");
}

}  // namespace
}  // namespace amalgam::pipeline
