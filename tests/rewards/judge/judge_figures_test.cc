#include "rewards/judge/judge_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace amalgam::rewards {
namespace {

using testing::DoubleEq;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::Optional;

TEST(JudgeFigures, ByHand) {
  const JudgeFigures figures = judge_figures({
      {.labels = {1, 0}, .votes = {{1, 1}, {1, 1}, {1, 0}}, .num_tokens = 10},  // means 1, ⅔
      {.labels = {1, 0, 1}, .votes = {{0, 0, 1}}, .num_tokens = 30},            // 0, 0, 1
      {.labels = {1}, .votes = {}, .num_tokens = 99},
      {.labels = {0.5}, .votes = {{1}, {0}}, .num_tokens = 20},  // ½: yes on both sides
  });
  EXPECT_EQ(figures.num_answers, 3);
  EXPECT_EQ(figures.num_without_vote, 1);
  EXPECT_EQ(figures.positives, 4);  // means 1, 0, 1, ½
  EXPECT_EQ(figures.negatives, 2);  // means ⅔, 0
  EXPECT_EQ(figures.false_yes, 1);
  EXPECT_EQ(figures.false_no, 1);
  EXPECT_THAT(figures.false_yes_rate, Optional(DoubleEq(0.5)));
  EXPECT_THAT(figures.false_no_rate, Optional(DoubleEq(0.25)));
  EXPECT_THAT(figures.accuracy, Optional(DoubleEq(4.0 / 6)));
  EXPECT_THAT(figures.balanced_accuracy, Optional(DoubleEq((0.5 + 0.75) / 2)));
  // 8 pairs, won against (⅔, 0): 1 → 2, 0 → ½, 1 → 2, ½ → 1.
  EXPECT_THAT(figures.auc, Optional(DoubleEq(5.5 / 8)));
  EXPECT_THAT(figures.brier, Optional(DoubleNear((0 + 4.0 / 9 + 1 + 0 + 0 + 0) / 6, 1e-11)));
  // Bins: 0 has the means 0, 0 of labels 1, 0; 5 has ½ of ½; 6 has ⅔ of 0; 9 has 1, 1 of 1, 1.
  EXPECT_THAT(figures.calibration_error,
              Optional(DoubleNear(2.0 / 6 * 0.5 + 1.0 / 6 * 2 / 3, 1e-11)));
  ASSERT_EQ(figures.accuracy_by_position.size(), 3u);
  EXPECT_THAT(figures.accuracy_by_position[0], Optional(DoubleEq(2.0 / 3)));
  EXPECT_THAT(figures.accuracy_by_position[1], Optional(DoubleEq(0.5)));
  EXPECT_THAT(figures.accuracy_by_position[2], Optional(DoubleEq(1)));
  EXPECT_THAT(figures.accuracy_of_shorter, Optional(DoubleEq(2.0 / 3)));  // up to 20 tokens
  EXPECT_THAT(figures.accuracy_of_longer, Optional(DoubleEq(2.0 / 3)));
  // Votes that agree: 3 + 1 of the first answer's 3 + 3, 0 1 1 of the second's, ½ ½ of the last's.
  EXPECT_THAT(figures.agreement, Optional(DoubleEq((3 + 1 + 2 + 1) / 11.0)));
  // Of criteria with two votes: 1, ⅓, 0.
  EXPECT_THAT(figures.vote_agreement, Optional(DoubleEq((1 + 1.0 / 3 + 0) / 3)));
}

TEST(JudgeFigures, WhatThereIsNothingOfIsAbsent) {
  for (const std::vector<JudgedAnswer>& answers :
       {std::vector<JudgedAnswer>{}, {{.labels = {1}, .votes = {}, .num_tokens = 1}}}) {
    const JudgeFigures none = judge_figures(answers);
    EXPECT_EQ(none.num_without_vote, static_cast<int64_t>(answers.size()));
    for (const auto& figure :
         {none.false_yes_rate, none.false_no_rate, none.accuracy, none.balanced_accuracy, none.auc,
          none.brier, none.calibration_error, none.accuracy_of_shorter, none.accuracy_of_longer,
          none.vote_agreement, none.agreement})
      EXPECT_EQ(figure, std::nullopt);
    EXPECT_TRUE(none.accuracy_by_position.empty());
  }
  const JudgeFigures one_class =
      judge_figures({{.labels = {1, 1}, .votes = {{1, 0}}, .num_tokens = 5}});
  EXPECT_THAT(one_class.accuracy, Optional(DoubleEq(0.5)));
  EXPECT_THAT(one_class.false_no_rate, Optional(DoubleEq(0.5)));
  for (const auto& figure : {one_class.false_yes_rate, one_class.balanced_accuracy, one_class.auc,
                             one_class.accuracy_of_longer, one_class.vote_agreement})
    EXPECT_EQ(figure, std::nullopt);
}

// 0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 are not the same number.
TEST(JudgeFigures, MeansOfTheSameVotesTieInAnyOrder) {
  const JudgeFigures figures =
      judge_figures({{.labels = {1}, .votes = {{0.1}, {0.2}, {0.3}}, .num_tokens = 1},
                     {.labels = {0}, .votes = {{0.3}, {0.2}, {0.1}}, .num_tokens = 1}});
  EXPECT_THAT(figures.auc, Optional(0.5));
}

// Every figure again, by loops over all pairs.
TEST(JudgeFigures, AgreeWithBruteForce) {
  std::mt19937 random(11);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 200; ++round) {
    std::vector<JudgedAnswer> answers;
    for (int n = below(12) + 1; n > 0; --n) {
      JudgedAnswer& answer = answers.emplace_back();
      const int criteria = below(4) + 1;
      for (int c = 0; c < criteria; ++c) answer.labels.push_back(below(5) / 4.0);
      for (int v = below(4); v > 0; --v) {
        answer.votes.emplace_back();
        for (int c = 0; c < criteria; ++c) answer.votes.back().push_back(below(3) / 2.0);
      }
      answer.num_tokens = below(6);
    }
    struct Case {
      double mean, label;
      int64_t tokens;
    };
    std::vector<Case> cases;
    double agreement = 0, criteria_with_pairs = 0;
    for (const JudgedAnswer& answer : answers)
      for (size_t c = 0; c < answer.labels.size() && !answer.votes.empty(); ++c) {
        double sum = 0, pairs = 0, agree = 0;
        for (size_t i = 0; i < answer.votes.size(); ++i) {
          sum += answer.votes[i][c];
          for (size_t j = 0; j < answer.votes.size(); ++j) {
            if (i == j) continue;
            pairs += 1;
            agree += 1 - std::abs(answer.votes[i][c] - answer.votes[j][c]);
          }
        }
        cases.push_back(
            {sum / static_cast<double>(answer.votes.size()), answer.labels[c], answer.num_tokens});
        if (pairs > 0) agreement += agree / pairs, criteria_with_pairs += 1;
      }
    const JudgeFigures figures = judge_figures(answers);
    double pairs = 0, won = 0, brier = 0, calibration = 0, positives = 0, right = 0, num = 0;
    for (const Case& a : cases) {
      num += 1;
      brier += (a.mean - a.label) * (a.mean - a.label);
      positives += a.label >= 0.5;
      right += (a.label >= 0.5) == (a.mean > 0.4999999);
      for (const Case& b : cases) {
        if (a.label < 0.5 || b.label >= 0.5) continue;
        pairs += 1;
        won += std::abs(a.mean - b.mean) < 1e-9 ? 0.5 : a.mean > b.mean;
      }
    }
    for (int bin = 0; bin < 10; ++bin) {
      double means = 0, labels = 0, in_bin = 0;
      for (const Case& a : cases) {
        const double low = bin / 10.0 - 1e-9, high = (bin + 1) / 10.0 - 1e-9;
        if (a.mean < low || (a.mean >= high && bin < 9)) continue;
        means += a.mean, labels += a.label, in_bin += 1;
      }
      if (in_bin > 0) calibration += in_bin / num * std::abs(means / in_bin - labels / in_bin);
    }
    EXPECT_EQ(figures.positives, positives);
    EXPECT_EQ(figures.negatives, num - positives);
    const auto expect = [](const std::optional<double>& figure, double sum, double of) {
      ASSERT_EQ(figure.has_value(), of > 0);
      if (of > 0) {
        EXPECT_NEAR(*figure, sum / of, 1e-9);
      }
    };
    expect(figures.auc, won, pairs);
    expect(figures.brier, brier, num);
    expect(figures.accuracy, right, num);
    expect(figures.calibration_error, calibration, num > 0);
    expect(figures.vote_agreement, agreement, criteria_with_pairs);
  }
}

}  // namespace
}  // namespace amalgam::rewards
