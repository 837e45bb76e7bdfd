// Numeric answer match: the final number of a solution equals the ground truth exactly, whatever
// its spelling (rewards/math/number.h lists the spellings).
#pragma once
#include <optional>
#include <string>

#include "rewards/math/number.h"
#include "rewards/score/score.h"

namespace amalgam::rewards {

// The number a solution gives as its answer: inside the last \boxed{}, else the first one after the
// last "answer is", "answer:" or "####", else the last number of the text. A box that holds
// anything but one number (a unit or "x =" may stand beside it) gives none.
std::optional<Rational> final_number(const std::string& solution);

// Why a ground truth is of no use here; none: it is one number.
std::optional<std::string> problem_of_number(const std::string& ground_truth);

// ground_truth: JSON text, a number or a string that spells one. 1 if equal, 0 if not or if the
// solution has no number; kBadRow if the ground truth is no number.
Score score_math_answer(const std::string& solution, const std::string& ground_truth);

}  // namespace amalgam::rewards
