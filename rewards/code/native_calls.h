// Calls of one function with lists of arguments, all that rows of generated tasks need: a small
// harness that imports nothing, the quickest there is.
#pragma once
#include <optional>
#include <string>

#include "rewards/code/code_tests.h"

namespace amalgam::rewards {

// Nothing for a ground truth that is not {fn_name, inputs: lists of arguments, outputs}.
// needs_more: set when the code asks for what only the general way gives: a process for each call,
// names that graders import, class Solution, an expected value that stands in a list of one.
std::optional<Score> score_native_calls(const std::string& code, const std::string& ground_truth,
                                        const CodeTestOptions& options, bool* needs_more);
bool are_native_calls(const std::string& ground_truth);

}  // namespace amalgam::rewards
