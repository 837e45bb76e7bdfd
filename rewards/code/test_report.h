// How the tests of one answer went.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "rewards/code/code_tests.h"
#include "sandbox/sandbox.h"

namespace amalgam::rewards {

struct TestReport {
  enum class Verdict {
    kPassed,
    kPassedWithoutValues,  // only that objects are there, or of what class
    kPassedByItself,       // only comparisons that the answer's own objects made
    kFailed,
    kCannotCross
  };
  struct Test {
    Verdict verdict = Verdict::kFailed;
    std::string why;  // one line, of those that did not pass
  };
  std::vector<Test> tests;
  // Set when the infrastructure failed: then no test counts.
  std::optional<Score> failure;

  void add(Verdict verdict, std::string why) { tests.push_back({verdict, std::move(why)}); }
  // For all that are missing up to num_tests.
  void fail_rest(size_t num_tests, const std::string& why);
};

// The score of a report of num_tests tests, which says why not all passed.
Score score_of(const TestReport& report, size_t num_tests, const CodeTestOptions& options);

// What ended a sandbox before all was said, as one line; "" when it ended by itself.
std::string reason_of(const sandbox::Result& result);
// The log's line about a limit that depends on the machine's other work.
void warn_of_wall_clock();

// The limits of a sandbox in which all tests of an answer run, one after the other. A test may use
// as much CPU time as the options say, all together this many times as much. Whoever sleeps ends
// the tests with the first one's wall-clock limit.
inline constexpr double kTotalOfTests = 20;
sandbox::Limits limits_of_all(const CodeTestOptions& options);
double cpu_seconds_of_test(const CodeTestOptions& options);

}  // namespace amalgam::rewards
