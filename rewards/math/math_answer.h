// Answers to mathematical questions: whether what a solution ends with is the ground truth.
//
// An answer may be a number in any spelling, a formula, an equation, an inequality, an interval, a
// set, a list, a tuple, a matrix, a ratio, a time, a date, a choice or words, in LaTeX or in plain
// text. Equality is that of mathematics, without any tolerance (equality.h); the conventions of the
// doubtful cases are in tests/golden/rewards/README.md.
#pragma once
#include <optional>
#include <string>

#include "rewards/score/score.h"

namespace amalgam::rewards {

// Why a ground truth is of no use here; none: it is a number, a text, or a list of texts, of which
// any one is right. A text that is no mathematics counts as words.
std::optional<std::string> problem_of_math(const std::string& ground_truth);

// ground_truth: JSON text. 1 if the solution's answer is it, 0 if it is another or there is none;
// kBadRow as problem_of_math() says. `answer` is what the answer was taken to be.
Score score_math_answer(const std::string& solution, const std::string& ground_truth);

}  // namespace amalgam::rewards
