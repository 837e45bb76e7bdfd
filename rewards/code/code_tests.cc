#include "rewards/code/code_tests.h"

#include <algorithm>

#include "rewards/code/answer_code.h"
#include "rewards/code/native_calls.h"
#include "rewards/code/run_tests.h"

namespace amalgam::rewards {
namespace {

bool are_lists_of_one(const std::vector<TestSuite::Test>& tests) {
  return std::all_of(tests.begin(), tests.end(), [](const TestSuite::Test& test) {
    return test.value.is_sequence() && test.value.items.size() == 1;
  });
}

}  // namespace

std::optional<std::string> problem_of_tests(const std::string& ground_truth,
                                            const std::string& row) {
  std::string problem;
  if (are_native_calls(ground_truth) || read_tests(ground_truth, row, &problem))
    return std::nullopt;
  return problem;
}

Score score_code_tests(const std::string& solution, const std::string& ground_truth,
                       const std::string& row, const CodeTestOptions& options) {
  const std::string code = answer_code(solution);
  bool needs_more = false;
  const auto native = score_native_calls(code, ground_truth, options, &needs_more);
  if (native && !needs_more) return *native;
  std::string problem;
  auto suite = read_tests(ground_truth, row, &problem);
  if (!suite) return failed(Status::kBadRow, problem);
  // Of this form is what the native way would have said, but for lists of one, as APPS has them.
  if (native) {
    suite->is_strict = !are_lists_of_one(suite->tests);
    suite->has_number_keys = false;
  }
  const bool is_inputs =
      suite->kind == TestSuite::Kind::kStdin || suite->kind == TestSuite::Kind::kCalls;
  size_t num_tests = suite->tests.size();
  const TestReport report = is_inputs ? run_inputs(code, *suite, options)
                                      : run_test_code(code, *suite, options, &num_tests);
  return score_of(report, num_tests, options);
}

}  // namespace amalgam::rewards
