// Unit tests of a Python function that a model wrote, in a sandbox of its own.
//
// The code runs in the same interpreter as the harness and may do anything to it, so nothing in the
// sandbox is believed and nothing worth stealing is put there: the inputs go in, what the function
// returned comes out, and the expected values are compared outside. Printing "passed", leaving with
// exit(0), or rewriting the harness therefore gains nothing; only the right values count.
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
};

// Why a ground truth is of no use here; none: it is as below.
std::optional<std::string> problem_of_tests(const std::string& ground_truth);

// solution: Python source, or text whose last complete ``` fence holds it.
// ground_truth: JSON text of an object (or of a string that holds one) with
//   fn_name: the function to call; inputs: a list of argument lists; outputs: what each call
//   returns.
// Results are compared as JSON values: a tuple equals a list, 3.0 equals 3, True does not equal 1,
// and integers beyond 64 bits are compared as doubles. One process runs all calls. 1 if every call
// returns what is expected, else 0 (also for a timeout, too much memory or output); kSandboxFailed
// if the sandbox could not be made or failed by itself; kBadRow for another ground truth.
Score score_code_tests(const std::string& solution, const std::string& ground_truth,
                       const CodeTestOptions& options);

}  // namespace amalgam::rewards
