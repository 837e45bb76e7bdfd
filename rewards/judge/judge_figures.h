// How good a judge is: its verdicts on answers whose labels are known.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace amalgam::rewards {

struct JudgedAnswer {
  std::vector<double> labels;              // [criterion] in [0, 1]
  std::vector<std::vector<double>> votes;  // [parsed verdict][criterion] in [0, 1]
  int64_t num_tokens = 0;                  // of the answer
};

// Over all criteria of all answers with a vote. A criterion's label is yes from 0.5 on, and so is
// the mean of its votes. What has nothing to be a mean of is absent.
struct JudgeFigures {
  int64_t num_answers = 0;               // with a vote
  int64_t num_without_vote = 0;          // of which nothing else is counted
  int64_t positives = 0, negatives = 0;  // labels
  int64_t false_yes = 0, false_no = 0;
  std::optional<double> false_yes_rate, false_no_rate;  // of the negatives, of the positives
  std::optional<double> accuracy;
  std::optional<double> balanced_accuracy, auc;  // absent without positives, or without negatives
  // The mean over votes and criteria of 1 − |vote − label|: how far a single verdict agrees.
  std::optional<double> agreement;
  // Of the mean of the votes as a probability of the label (as it is, not yes or no): the mean of
  // (mean − label)², and Σ over 10 equal bins of the mean of share · |mean of means − mean of
  // labels|.
  std::optional<double> brier, calibration_error;
  std::vector<std::optional<double>> accuracy_by_position;  // of the criterion in its rubric
  // Of answers up to the (lower) median of lengths, and beyond it.
  std::optional<double> accuracy_of_shorter, accuracy_of_longer;
  // The mean over pairs of votes on a criterion of 1 − |difference|, then over criteria that have
  // a pair.
  std::optional<double> vote_agreement;
};
JudgeFigures judge_figures(const std::vector<JudgedAnswer>& answers);

}  // namespace amalgam::rewards
