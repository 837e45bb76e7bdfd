// Rewards that depend on how long an answer is: kimi_k15, DAPO's overlong shaping, efforts and the
// rest of configs::LengthForm, whose formulas its keys state. Pure functions in double with the
// same bits everywhere.
//
// Mistakes this invites: the end token counted (AnswerLengthTest); a mean over all answers where
// only right ones count, and a deviation with n - 1 (the golden vectors); a cap below the score at
// stake, with which the longest answer wins (configs: cap).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "configs/length_penalty_config.h"

namespace amalgam::learner {

struct LengthSample {
  double score = 0;    // of the task
  int64_t length = 0;  // answer tokens
  int64_t window = 0;  // token budget
  std::string effort = {};
  std::vector<int32_t> ids = {};  // of the answer; needed with repetition_ngram > 0
};

// What is maximised: the reward of each of the scored samples of one group, which is one prompt at
// one effort. Without a form it is the score. Throws Error for an
// effort with a config.effort_problem().
std::vector<double> shaped_rewards(const configs::LengthPenaltyConfig& config,
                                   std::span<const LengthSample> group);

}  // namespace amalgam::learner
