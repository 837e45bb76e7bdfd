// GSM8K's answers: a number behind "####".
#pragma once
#include <string>

#include "rewards/score/score.h"

namespace amalgam::rewards {

// ground_truth: JSON text of the number, or of GSM8K's own answer, a worked solution that ends in
// "#### 72". strict: the answer has to be behind "####" too, as verl's extract_solution wants it;
// else it is found as in rewards/math/math_answer.h. Numbers are compared as numbers.
Score score_gsm8k(const std::string& content, const std::string& ground_truth, bool strict);

// The number of such a ground truth as JSON text.
std::string gsm8k_number(const std::string& ground_truth);

}  // namespace amalgam::rewards
