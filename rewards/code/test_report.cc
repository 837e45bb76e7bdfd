#include "rewards/code/test_report.h"

#include <algorithm>

#include "configs/log/log.h"

namespace amalgam::rewards {
namespace {

using Verdict = TestReport::Verdict;

constexpr int64_t kOutputBytes = int64_t{16} << 20;  // of all tests

}  // namespace

void TestReport::fail_rest(size_t num_tests, const std::string& why) {
  while (tests.size() < num_tests) add(Verdict::kFailed, why);
}

Score score_of(const TestReport& report, size_t num_tests, const CodeTestOptions& options) {
  if (report.failure) return *report.failure;
  size_t num_passed = 0, num_by_values = 0, num_by_itself = 0, num_failed = 0, num_uncrossed = 0;
  std::string why, uncrossed;
  for (size_t i = 0; i < report.tests.size(); ++i) {
    const TestReport::Test& test = report.tests[i];
    num_by_values += test.verdict == Verdict::kPassed;
    num_by_itself += test.verdict == Verdict::kPassedByItself;
    num_passed += test.verdict == Verdict::kPassed || test.verdict == Verdict::kPassedByItself ||
                  test.verdict == Verdict::kPassedWithoutValues;
    num_failed += test.verdict == Verdict::kFailed;
    num_uncrossed += test.verdict == Verdict::kCannotCross;
    if (test.verdict == Verdict::kFailed && why.empty())
      why = "; test " + std::to_string(i + 1) + ": " + test.why;
    if (test.verdict == Verdict::kCannotCross && uncrossed.empty())
      uncrossed = "test " + std::to_string(i + 1) + ": " + test.why;
  }
  // Nobody but the answer says that it is right.
  if (num_by_itself > 0 && num_by_values == 0) {
    num_uncrossed += num_passed;
    num_passed = 0;
    if (uncrossed.empty())
      uncrossed = "every test that passes compares the answer's objects by its own methods alone";
  }
  num_tests = std::max(num_tests, report.tests.size());
  const double fraction = static_cast<double>(num_passed) / static_cast<double>(num_tests);
  Score score;
  // A test that fails decides whether all pass, and nothing else.
  if (num_uncrossed > 0 && (options.partial || num_failed == 0))
    score = failed(Status::kCannotCross, uncrossed);
  else
    score = scored(
        options.partial           ? fraction
        : num_passed == num_tests ? 1
                                  : 0,
        std::to_string(num_passed) + " of " + std::to_string(num_tests) + " tests pass" + why);
  score.parts = {{"passed_fraction", fraction}, {"num_tests", static_cast<double>(num_tests)}};
  return score;
}

std::string reason_of(const sandbox::Result& result) {
  switch (result.outcome) {
    case sandbox::Outcome::kTimeout:
      return result.hit_wall_limit ? "timeout (wall clock)" : "timeout";
    case sandbox::Outcome::kMemory:
      return "out of memory";
    case sandbox::Outcome::kOutputLimit:
      return "too much output";
    case sandbox::Outcome::kDiskLimit:
      return "disk full";
    case sandbox::Outcome::kProcessLimit:
      return "too many processes";
    case sandbox::Outcome::kDenied:
      return "forbidden system call";
    default:
      return "";
  }
}

void warn_of_wall_clock() {
  log::warn(log::Part::kReward,
            "a test of code slept into its wall-clock limit and scored 0: this run cannot be "
            "reproduced exactly");
}

double cpu_seconds_of_test(const CodeTestOptions& options) {
  return options.test_time_limit_s > 0 ? options.test_time_limit_s : options.limits.cpu_seconds;
}

sandbox::Limits limits_of_all(const CodeTestOptions& options) {
  sandbox::Limits limits = options.limits;
  limits.cpu_seconds = kTotalOfTests * cpu_seconds_of_test(options);
  limits.wall_seconds = std::max(limits.wall_seconds, limits.wall_seconds / 2 * kTotalOfTests);
  limits.output_bytes = std::max(limits.output_bytes, kOutputBytes);
  return limits;
}

}  // namespace amalgam::rewards
