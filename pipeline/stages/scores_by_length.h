// How long answers are, and what they score at equal budgets of tokens.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "model/tokenizer/tokenizer.h"
#include "pipeline/run_store/results.h"
#include "pipeline/run_store/score.h"
#include "proto/trajectory.pb.h"

namespace amalgam::pipeline {

struct LengthScores {
  Score tokens;  // of an answer (answer_length.h): mean over prompts of the mean over their samples
  // Budget, and the mean reward when an answer of more tokens counts as 0: what a mode is worth to
  // somebody who stops it there. Budgets are 1, 2, 3, 4, 6, 8, 12, 16, …, the last at least
  // `longest`.
  std::vector<std::pair<int64_t, Score>> within;
  Score forced_thinking_ends;  // share of answers whose reasoning max_thinking_tokens ended
  EffortSums by_number;        // of samples whose effort is a number
};

// Of the samples that have an answer; unknown without one.
LengthScores length_scores(const model::Tokenizer& tokenizer,
                           const std::vector<proto::Trajectory>& samples, int64_t longest);

}  // namespace amalgam::pipeline
