// Multiple choice: the letter of an answer.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "rewards/score/score.h"

namespace amalgam::rewards {

// The letter that an answer chooses, A to J in upper case: in the last box, else in what follows
// the last "answer is" or "answer:", else all of the answer when it is a letter alone, also "(B)",
// "B.",
// "**B**", "B) forty-two". None where there is no letter or where several are chosen ("A or B").
std::optional<char> chosen_letter(std::string_view content);

// The letter of a ground truth: JSON text of "B", "(B)", "b", or of a number, which counts from 0.
std::optional<char> true_letter(const std::string& ground_truth);

Score score_choice(std::string_view content, char truth);

}  // namespace amalgam::rewards
