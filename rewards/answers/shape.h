// How an answer is written, whatever it says: the form of its thinking, repetition, length.
#pragma once
#include <cstdint>
#include <string_view>

#include "rewards/score/score.h"

namespace amalgam::rewards {

// 1 for a text that is one <think> … </think> and an answer behind it, TRL's think_format_reward:
// it begins with <think>, no other <think> follows, and there is a </think>. `solution` is what the
// policy wrote; where the prompt opened the thought, it begins inside it.
Score score_think_format(std::string_view solution, bool prompt_opens_thought);

// penalty · (1 - distinct n-grams of words / all of them), words in lower case; TRL's
// get_repetition_penalty_reward. 0 for a text of fewer than n words. Part `repetition` is the
// share.
Score score_repetition(std::string_view content, int ngram, double penalty);

// min(0, (max_length - buffer - length) / buffer), not below -1: DAPO's and TRL's soft punishment
// of overlong answers. length: tokens that the policy wrote.
Score score_length(int64_t length, int64_t max_length, int64_t buffer);

// The share of n-grams of words that repeat an earlier one, 0 … 1.
double repetition_of(std::string_view content, int ngram);

}  // namespace amalgam::rewards
