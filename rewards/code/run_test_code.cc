#include "rewards/code/run_tests.h"

namespace amalgam::rewards {

TestReport run_test_code(const std::string&, const TestSuite&, const CodeTestOptions&, size_t*) {
  TestReport report;
  report.failure = failed(Status::kCannotCross, "no");
  return report;
}

}  // namespace amalgam::rewards
