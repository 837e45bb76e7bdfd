// The tests of a row, whatever its format.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "rewards/code/value.h"

namespace amalgam::rewards {

struct TestSuite {
  enum class Kind {
    kStdin,    // programs: stdin in, stdout out
    kCalls,    // a function: arguments in, one value out
    kAsserts,  // statements of Python about the answer's names, one a test
    kCheck,    // HumanEval: a function check(candidate), one test
    kPytest    // a file of pytest's that imports the answer's names
  };
  // How kCalls writes arguments.
  enum class Arguments { kList, kLines };

  struct Test {
    std::string input;     // stdin, or the arguments as text
    std::string expected;  // kStdin: text
    Value value;           // kCalls
  };

  Kind kind = Kind::kStdin;
  Arguments arguments = Arguments::kList;
  bool is_strict = false;        // kCalls: results are compared by equal_json, and as they are
  bool has_number_keys = false;  // of a dict that is the first argument, written as texts
  std::string fn_name;           // kCalls, kCheck; class Solution may have it
  std::string prompt;            // kCheck: code that goes before the answer's
  std::string setup;             // kAsserts: code that goes before the statements
  std::string code;              // kCheck, kPytest
  std::vector<std::string> statements;  // kAsserts
  std::vector<Test> tests;              // kStdin, kCalls
};

// ground_truth: reward_model.ground_truth of the row, or any text of one of the forms; row: the
// user's whole row. Either may be empty; the ground truth goes first if it is of a known form.
// Nothing, with one line in *problem, when there is no test to be found.
std::optional<TestSuite> read_tests(const std::string& ground_truth, const std::string& row,
                                    std::string* problem);

}  // namespace amalgam::rewards
