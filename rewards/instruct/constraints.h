// Words and JSON objects that keep every constraint of a ground truth.
#pragma once
#include <optional>
#include <string>

#include "rewards/score/score.h"

namespace amalgam::rewards {

// Why a ground truth is of no use here; none: it is as below.
std::optional<std::string> problem_of_word_constraints(const std::string& ground_truth);

// ground_truth: JSON text of an object (or of a string that holds one) with at least one of
//   num_words: n            exactly n words
//   allowed_words: [...]    no other words, in any case
//   exact_words: [...]      these words, each as often as listed, in any order and case
//   case: "upper"|"lower"   every letter
//   start, end: word        the first, the last word, in any case
//   order: "alphabetical"   words not descending, in any case
//   json_keys: [...]        the answer is a JSON object with exactly these keys
//   json_values: "integer"  all of whose values are integers
// Words are what spaces and line breaks separate, without . , ; ! ? at their end. A JSON answer may
// stand in a ``` fence. 1 if all hold, else 0 with the first that does not; kBadRow for another
// ground truth.
Score score_word_constraints(const std::string& solution, const std::string& ground_truth);

}  // namespace amalgam::rewards
