#include <fcntl.h>
#include <unistd.h>

#include <cmath>
#include <thread>

#include "rewards/code/harness.h"
#include "rewards/code/program.h"
#include "rewards/code/request.h"
#include "rewards/code/run_tests.h"
#include "sandbox/files/fd.h"

namespace amalgam::rewards {
namespace {

using Verdict = TestReport::Verdict;
using sandbox::Fd;

// Pairs of sandboxes, of which a new one is made when a test took the last one down.
constexpr int kMaxPairs = 4;
constexpr double kEndSeconds = 20;
// The most bytes of one value that crosses.
constexpr int64_t kMaxFrameBytes = int64_t{8} << 20;

enum CheckKind { kStatements = 0, kCheckFunction = 1, kPytestFile = 2 };
// See kCheckText.
constexpr int kStops = 8;
constexpr int kFirstFactor = 16;

CheckKind check_kind(const TestSuite& suite) {
  return suite.kind == TestSuite::Kind::kAsserts ? kStatements
         : suite.kind == TestSuite::Kind::kCheck ? kCheckFunction
                                                 : kPytestFile;
}

// Both ends of a pipe that only this process holds.
struct Pipe {
  Fd reader, writer;
  bool open() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC)) return false;
    reader = Fd(fds[0]);
    writer = Fd(fds[1]);
    return true;
  }
};

struct PairResult {
  sandbox::Result answer, checker;
};

// Runs both at once, each one's stdout being the other's stdin, until the checker ends.
std::optional<PairResult> run_pair(sandbox::Command answer_command,
                                   sandbox::Command checker_command, const sandbox::Limits& limits,
                                   const CodeTestOptions& options, std::string* error) {
  const auto answer = options.make_sandbox(limits, options.image, error);
  if (!answer) return std::nullopt;
  const auto checker = options.make_sandbox(limits, options.image, error);
  if (!checker) return std::nullopt;
  if (!answer->can_stream()) {
    *error =
        "asserts and test files need two sandboxes that talk with each other: container or "
        "function, "
        "on this host";
    return std::nullopt;
  }
  Pipe to_checker, to_answer;
  if (!to_checker.open() || !to_answer.open()) {
    *error = "no pipes for two sandboxes";
    return std::nullopt;
  }
  answer_command.stdin_fd = to_answer.reader.get();
  answer_command.out_fd = to_checker.writer.get();
  checker_command.stdin_fd = to_checker.reader.get();
  checker_command.out_fd = to_answer.writer.get();
  PairResult result;
  std::thread thread([&] {
    result.answer = answer->exec(answer_command);
    to_checker.writer = Fd();  // the checker sees that nobody answers any more
  });
  result.checker = checker->exec(checker_command);
  to_answer.writer = Fd();
  answer->cancel(kEndSeconds);
  thread.join();
  return result;
}

// The detail is the sandbox's word: printable characters of one line.
std::string line_of(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, 200))
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return line.empty() ? "fails" : valid_utf8(line);
}

TestReport::Test test_of(const Frame& frame) {
  if (frame.status == "pass") return {Verdict::kPassed, ""};
  if (frame.status == "weak") return {Verdict::kPassedWithoutValues, ""};
  if (frame.status == "own") return {Verdict::kPassedByItself, ""};
  return {frame.status == "cross" ? Verdict::kCannotCross : Verdict::kFailed, line_of(frame.data)};
}

}  // namespace

TestReport run_test_code(const std::string& code, const TestSuite& suite,
                         const CodeTestOptions& options, size_t* num_tests) {
  TestReport report;
  const sandbox::Limits limits = limits_of_all(options);
  const std::string server =
      std::string(kServerText) + kPreludeText + kBorderText + kBorderReaderText;
  const std::string source = valid_utf8(code);
  Request answer;
  answer.cpu_seconds = static_cast<int>(std::ceil(cpu_seconds_of_test(options)));
  answer.wall_seconds = static_cast<int>(std::ceil(options.limits.wall_seconds));
  answer.output_bytes = kMaxFrameBytes;
  answer.blobs = {source, suite.fn_name, suite.prompt};
  Request checker = answer;
  checker.blobs = {suite.kind == TestSuite::Kind::kCheck ? suite.prompt : suite.setup,
                   suite.fn_name, suite.code};
  for (const std::string& statement : suite.statements) checker.blobs.push_back(statement);
  const auto answer_command = program_command(server + kServeText, write_request(answer), options);
  const std::string checker_program =
      server + kEvidenceText + kRemoteText + kPytestText + kCheckText;

  *num_tests = suite.statements.empty() ? 1 : suite.statements.size();
  double cpu_seconds = 0;
  for (int pair = 0; pair == 0 || report.tests.size() < *num_tests; ++pair) {
    const size_t first = report.tests.size();
    checker.option = static_cast<int>(first) * kFirstFactor + check_kind(suite) +
                     (options.stop_at_first_failure ? kStops : 0);
    std::string error;
    const auto result =
        run_pair(answer_command, program_command(checker_program, write_request(checker), options),
                 limits, options, &error);
    if (!result || sandbox::is_infrastructure(result->checker.outcome) ||
        result->answer.outcome == sandbox::Outcome::kSandboxFailed) {
      report.failure =
          failed(Status::kSandboxFailed, !result                          ? error
                                         : result->checker.detail.empty() ? result->answer.detail
                                                                          : result->checker.detail);
      return report;
    }
    cpu_seconds += result->answer.cpu_seconds + result->checker.cpu_seconds;
    std::string_view rest = result->checker.err;
    bool has_slept = result->checker.hit_wall_limit;
    while (const auto frame = next_frame(&rest)) {
      if (frame->status == "again") break;
      if (frame->status == "count") {
        *num_tests = std::max<size_t>(frame->number, 1);
        continue;
      }
      if (frame->number != report.tests.size()) break;
      report.tests.push_back(test_of(*frame));
      has_slept |= frame->data == "wall" || frame->data == "the test: wall";
      if (options.stop_at_first_failure && report.tests.back().verdict == Verdict::kFailed) {
        report.fail_rest(*num_tests, "not run");
        return report;
      }
    }
    if (has_slept) {
      warn_of_wall_clock();
      report.fail_rest(*num_tests, "timeout (wall clock)");
    }
    if (report.tests.size() == first) {
      const std::string reason = reason_of(result->checker);
      report.add(Verdict::kFailed, reason.empty() ? "ended before the test did" : reason);
    }
    if (pair + 1 == kMaxPairs || cpu_seconds >= limits.cpu_seconds)
      report.fail_rest(*num_tests, "not run after others");
  }
  return report;
}

}  // namespace amalgam::rewards
