// Tests of Python that a model wrote, by the rows of the public data sets.
//
// The answer runs in a sandbox that is never told an expected value. Programs and functions: what
// they print or return comes out as plain data and is compared here. Test code (asserts,
// HumanEval's check, pytest files) runs in a second sandbox, where the answer's names stand for
// calls into the first; arguments and results cross as plain data in a closed form
// (border_text.cc). So printing "passed", leaving with exit(0), objects that equal everything,
// rewriting the harness or the test library gain nothing; only the right values count.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "rewards/score/score.h"
#include "sandbox/images/image_store.h"
#include "sandbox/sandbox.h"

namespace amalgam::rewards {

struct CodeTestOptions {
  sandbox::Limits limits;
  sandbox::Image image = {};
  sandbox::SandboxFactory make_sandbox = sandbox::create_on_image;
  bool partial = false;                // the reward is the share of tests that pass
  bool stop_at_first_failure = false;  // the tests after it count as failed
  double test_time_limit_s = 0;        // CPU time of one test; 0: that of the limits
};

// Why a row is of no use here; none: it has tests.
std::optional<std::string> problem_of_tests(const std::string& ground_truth,
                                            const std::string& row = {});

// solution: what the model wrote; its code is that of its last ```python fence (answer_code.h).
// ground_truth: JSON text (or a JSON string that holds it) of
//   fn_name: a function; inputs: a list of argument lists; outputs: what each call returns.
//   Results are compared as JSON values: a tuple equals a list, 3.0 equals 3, True does not equal
//   1, and integers beyond 64 bits are compared as doubles;
// or of any form in docs/REWARDS.md. row: JSON text of the user's whole row, or empty; its columns
// are used where the ground truth is of no such form.
// The reward is 1 if every test passes, else 0 (or the share of those that do), also for a timeout,
// too much memory or output. Each test has a process and a file system of its own.
// parts: passed_fraction, num_tests. kSandboxFailed if a sandbox could not be made or failed by
// itself; kBadRow for a row without tests; kCannotCross if it hangs on a value that cannot cross.
Score score_code_tests(const std::string& solution, const std::string& ground_truth,
                       const std::string& row, const CodeTestOptions& options);

}  // namespace amalgam::rewards
