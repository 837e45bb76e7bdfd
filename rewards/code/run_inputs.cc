#include <algorithm>
#include <cmath>

#include "rewards/code/harness.h"
#include "rewards/code/output.h"
#include "rewards/code/program.h"
#include "rewards/code/request.h"
#include "rewards/code/run_tests.h"

namespace amalgam::rewards {
namespace {

using Verdict = TestReport::Verdict;

// A sandbox that a test took down is made anew for the tests behind it this often.
constexpr int kMaxSandboxes = 4;
constexpr int64_t kSpareOutputBytes = int64_t{64} << 10;
// Values on their way need more bytes than their text.
constexpr int64_t kOutputFactor = 4;

std::string words_of(std::string_view status) {
  if (status == "timeout") return "timeout";
  if (status == "wall") return "timeout (wall clock)";
  if (status == "output") return "too much output";
  if (status.substr(0, 4) == "exit") return "exit code " + std::string(status.substr(4));
  if (status.substr(0, 6) == "signal") return "signal " + std::string(status.substr(6));
  return "no result";
}

// An exception's name, as far as it is one.
std::string name_of(std::string_view text) {
  std::string name;
  for (const char c : text.substr(0, 60))
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.') name += c;
  return name.empty() ? "an exception" : name;
}

bool is_right(const Value& result, const Value& expected, bool is_strict) {
  if (is_strict) return equal_json(result, expected);
  if (equal(result, expected)) return true;
  // Some data sets put what is expected into a list.
  return expected.is(Value::Kind::kList) && !expected.items.empty() &&
         equal(result, expected.items[0]);
}

TestReport::Test judge(const Frame& frame, const TestSuite& suite, const TestSuite::Test& test) {
  const auto fail = [](std::string why) {
    return TestReport::Test{Verdict::kFailed, std::move(why)};
  };
  if (frame.status == "broken") return fail("no program: " + name_of(frame.data));
  if (frame.status != "ok") return fail(words_of(frame.status));
  if (suite.kind == TestSuite::Kind::kStdin)
    return equal_outputs(frame.data, test.expected) ? TestReport::Test{Verdict::kPassed, ""}
                                                    : fail("another output");
  if (frame.data.empty()) return fail("ended before it returned");
  const std::string_view rest = frame.data.substr(1);
  if (frame.data[0] == 'N') return fail("no function: " + name_of(rest));
  if (frame.data[0] == 'E') return fail("raises " + name_of(rest));
  const auto value = frame.data[0] == 'V' ? read_border(rest) : std::nullopt;
  if (!value) return fail("no value");
  return is_right(*value, test.value, suite.is_strict) ? TestReport::Test{Verdict::kPassed, ""}
                                                       : fail("another value");
}

int whole_seconds(double seconds) {
  return static_cast<int>(std::clamp(std::ceil(seconds), 1.0, 1e6));
}

}  // namespace

TestReport run_inputs(const std::string& code, const TestSuite& suite,
                      const CodeTestOptions& options) {
  const bool is_stdin = suite.kind == TestSuite::Kind::kStdin;
  const size_t num_tests = suite.tests.size();
  TestReport report;
  sandbox::Limits limits = limits_of_all(options);
  int64_t longest_input = 0, longest_output = 0;
  for (const TestSuite::Test& test : suite.tests) {
    longest_input = std::max(longest_input, static_cast<int64_t>(test.input.size()));
    longest_output = std::max(longest_output, static_cast<int64_t>(test.expected.size()));
  }
  // Only rows that need more get more, for sandboxes that wait ready have these limits.
  while (limits.disk_bytes < 2 * longest_input) limits.disk_bytes *= 2;
  while (limits.output_bytes < 4 * longest_output) limits.output_bytes *= 2;

  Request request;
  request.cpu_seconds = whole_seconds(cpu_seconds_of_test(options));
  request.wall_seconds = whole_seconds(options.limits.wall_seconds);
  request.output_bytes =
      std::max(options.limits.output_bytes, 2 * longest_output + kSpareOutputBytes);
  if (!is_stdin) request.output_bytes *= kOutputFactor;
  request.option =
      (suite.arguments == TestSuite::Arguments::kLines ? 1 : 0) + (suite.has_number_keys ? 2 : 0);
  const std::string program =
      std::string(kServerText) + kPreludeText +
      (is_stdin ? std::string(kStdinText) : std::string(kBorderText) + kCallText);
  const std::string source = valid_utf8(code);

  double cpu_seconds = 0;
  int num_lost = 0;
  while (report.tests.size() < num_tests) {
    const size_t first = report.tests.size();
    // Everything in an image may be changed, so each test gets it as it was.
    const size_t end = options.image.layers.empty() ? num_tests : first + 1;
    std::string error;
    const auto sandbox = options.make_sandbox(limits, options.image, &error);
    if (!sandbox) {
      report.failure = failed(Status::kSandboxFailed, error);
      return report;
    }
    request.blobs = {source};
    if (!is_stdin) request.blobs.push_back(suite.fn_name);
    for (size_t i = first; i < end; ++i) request.blobs.push_back(suite.tests[i].input);
    const sandbox::Result result =
        sandbox->exec(program_command(program, write_request(request), options));
    if (sandbox::is_infrastructure(result.outcome)) {
      report.failure = failed(Status::kSandboxFailed, result.detail);
      return report;
    }
    cpu_seconds += result.cpu_seconds;
    std::string_view rest = result.out;
    bool is_again = false, has_slept = false;
    while (const auto frame = next_frame(&rest)) {
      if (frame->status == "again") {
        is_again = true;
        break;
      }
      if (frame->number != report.tests.size() - first || report.tests.size() == end) break;
      const TestSuite::Test& test = suite.tests[report.tests.size()];
      report.tests.push_back(judge(*frame, suite, test));
      has_slept |= frame->status == "wall";
      if (options.stop_at_first_failure && report.tests.back().verdict != Verdict::kPassed) {
        report.fail_rest(num_tests, "not run");
        return report;
      }
    }
    if (has_slept || result.hit_wall_limit) {
      warn_of_wall_clock();
      report.fail_rest(num_tests, "timeout (wall clock)");
    }
    if (report.tests.size() < end && (!is_again || report.tests.size() == first)) {
      // The test that took the server with it.
      const std::string reason = reason_of(result);
      report.add(Verdict::kFailed, reason.empty() ? "ended before it returned" : reason);
      ++num_lost;
    }
    if (num_lost >= kMaxSandboxes || cpu_seconds >= limits.cpu_seconds)
      report.fail_rest(num_tests, "not run after others");
  }
  return report;
}

}  // namespace amalgam::rewards
