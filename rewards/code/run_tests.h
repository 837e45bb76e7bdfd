// Runs the tests of one answer.
#pragma once
#include <string>

#include "rewards/code/test_report.h"
#include "rewards/code/test_suite.h"

namespace amalgam::rewards {

// kStdin and kCalls.
TestReport run_inputs(const std::string& code, const TestSuite& suite,
                      const CodeTestOptions& options);
// The others: test code in a sandbox of its own. *num_tests: how many there are.
TestReport run_test_code(const std::string& code, const TestSuite& suite,
                         const CodeTestOptions& options, size_t* num_tests);

}  // namespace amalgam::rewards
