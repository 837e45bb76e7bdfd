#include "pipeline/stages/scores_at_k.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace amalgam::pipeline {
namespace {

struct Sample {
  int64_t group;
  double reward;
  std::string answer = "";
  proto::Outcome outcome = proto::OUTCOME_OK;
};

std::map<std::string, Score> scores_of(const std::vector<Sample>& samples, int64_t n) {
  std::vector<proto::Trajectory> all(samples.size());
  std::vector<const proto::Trajectory*> pointers;
  for (size_t i = 0; i < samples.size(); ++i) {
    auto& meta = *all[i].mutable_meta();
    meta.set_group(samples[i].group);
    meta.set_sample_index(static_cast<int32_t>(i));
    meta.set_outcome(samples[i].outcome);
    meta.set_answer(samples[i].answer);
    if (samples[i].outcome == proto::OUTCOME_OK) meta.set_reward(samples[i].reward);
    pointers.push_back(&all[i]);
  }
  const auto scores = scores_at_k(pointers, n);
  return {scores.begin(), scores.end()};
}

// Against a count of all subsets of k.
TEST(ScoresAtK, PassIsTheShareOfSubsetsWithASuccess) {
  const std::vector<double> rewards = {0, 1, 0, 0, 1, 0};
  std::vector<Sample> samples;
  for (const double r : rewards) samples.push_back({0, r});
  const auto scores = scores_of(samples, 6);
  ASSERT_EQ(scores.size(), 4u);  // 1, 2, 4, 6; nothing has an answer
  for (const int k : {1, 2, 4, 6}) {
    int subsets = 0, passed = 0;
    for (unsigned mask = 0; mask < 64; ++mask) {
      if (__builtin_popcount(mask) != k) continue;
      ++subsets;
      passed += (mask & 0b010010) != 0;
    }
    EXPECT_NEAR(scores.at("pass@" + std::to_string(k)).mean, passed / double(subsets), 1e-15) << k;
  }
}

TEST(ScoresAtK, MeansAndErrorsAreOverPrompts) {
  const auto scores = scores_of({{0, 1}, {0, 0}, {1, 0}, {1, 0}, {2, 1}, {2, 1}}, 2);
  EXPECT_DOUBLE_EQ(scores.at("pass@1").mean, 0.5);
  EXPECT_DOUBLE_EQ(scores.at("pass@2").mean, 2.0 / 3);
  EXPECT_DOUBLE_EQ(scores.at("pass@2").standard_error, std::sqrt(2.0 / 3 / 2 / 3));
  EXPECT_TRUE(scores.at("pass@2").is_share);
}

TEST(ScoresAtK, SuccessIsTheHighestScore) {
  EXPECT_EQ(scores_of({{0, 0.9}, {0, 0.5}}, 2).at("pass@2").mean, 0);  // part of the credit
  EXPECT_EQ(scores_of({{0, -1}, {0, -1}}, 2).at("pass@2").mean, 0);
  EXPECT_EQ(scores_of({{0, 10}, {0, 1}, {1, 1}, {1, 1}}, 2).at("pass@2").mean, 0.5);
}

TEST(ScoresAtK, MajorityIsOfAnswersAndTheFirstOfEquals) {
  // The right answer is rarer in prompt 0, more frequent in prompt 1, first of equals in prompt 2.
  const auto scores = scores_of({{0, 1, "7"},
                                 {0, 0, "8"},
                                 {0, 0, "8"},
                                 {0, 0, ""},
                                 {1, 0, "1"},
                                 {1, 1, "2"},
                                 {1, 1, "2"},
                                 {1, 0, "3"},
                                 {2, 1, "5"},
                                 {2, 0, "6"},
                                 {2, 1, "5"},
                                 {2, 0, "6"}},
                                4);
  EXPECT_DOUBLE_EQ(scores.at("maj@4").mean, 2.0 / 3);
  // Pairs: 7 8 | 8 -, 1 2 | 2 3, 5 6 | 5 6: the first answer of each.
  EXPECT_DOUBLE_EQ(scores.at("maj@2").mean, (0.5 + 0.5 + 1) / 3);
  EXPECT_FALSE(scores.contains("maj@1"));
}

TEST(ScoresAtK, SamplesWithoutAScoreAreNoTries) {
  const auto scores =
      scores_of({{0, 1}, {0, 0, "", proto::OUTCOME_SANDBOX_FAILED}, {1, 0}, {1, 0}}, 2);
  EXPECT_DOUBLE_EQ(scores.at("pass@1").mean, 0.5);
  EXPECT_DOUBLE_EQ(scores.at("pass@2").mean, 0);  // of prompt 1 alone
  EXPECT_TRUE(scores_of({{0, 0, "", proto::OUTCOME_VERIFIER_FAILED}}, 1).empty());
}

}  // namespace
}  // namespace amalgam::pipeline
