// Every test of an answer has a process and a file system of its own.
#include <gtest/gtest.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "rewards/code/code_tests.h"
#include "sandbox/function/function.h"

namespace amalgam::rewards {
namespace {

using nlohmann::json;

// Answers 1 when nothing of a test before is seen, and leaves all that it can.
const char* const kLeavesTraces = R"(
import os, socket, sys, threading, time

def is_fresh():
    seen = []
    for path in ('/work/seen', '/tmp/.hidden', '/dev/shm/seen', '/work/deep/a/b/seen'):
        if os.path.exists(path): seen.append(path)
    mine = os.getpid(), os.getppid(), 1
    others = [p for p in os.listdir('/proc') if p.isdigit() and int(p) not in mine]
    if others: seen.append('processes')
    if os.environ.get('SEEN') or hasattr(sys, 'seen'): seen.append('state')
    s = socket.socket(socket.AF_UNIX)
    try: s.bind('\0seen')
    except OSError: seen.append('socket')
    t = socket.socket()
    try: t.bind(('127.0.0.1', 4711))
    except OSError: seen.append('port')
    return not seen

def leave_traces():
    os.environ['SEEN'] = sys.seen = '1'
    os.makedirs('/work/deep/a/b', exist_ok=True)
    for path in ('/work/seen', '/tmp/.hidden', '/dev/shm/seen', '/work/deep/a/b/seen'):
        open(path, 'w').write('x')
    os.chmod('/work/deep/a', 0)
    os.chmod('/work/deep', 0o500)
    os.symlink('/work', '/work/link')
    from multiprocessing import shared_memory, Semaphore
    Semaphore()
    if os.fork() == 0:
        os.setsid()
        s = socket.socket(socket.AF_UNIX)
        s.bind('\0seen')
        t = socket.socket()
        t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        t.bind(('127.0.0.1', 4711))
        t.listen()
        while True:
            time.sleep(0.01)
            open('/work/seen', 'w').write('x')

result = int(is_fresh())
leave_traces()
time.sleep(0.05)
)";

double passed(const std::string& answer, const json& row, bool by_function = false) {
  CodeTestOptions options;
  if (by_function)
    options.make_sandbox = [](const sandbox::Limits& limits, const sandbox::Image&,
                              std::string* error) {
      return sandbox::create_function(limits, error);
    };
  const Score score = score_code_tests(kLeavesTraces + answer, "", row.dump(), options);
  EXPECT_EQ(score.status, Status::kScored) << score.detail;
  EXPECT_FALSE(score.parts.empty());
  EXPECT_EQ(score.parts[0].first, "passed_fraction");
  std::cout << score.detail << "\n";
  return score.parts[0].second;
}

class CodeIsolation : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    std::string error;
    if (!sandbox::create_container({}, &error)) GTEST_SKIP() << "no sandbox here: " << error;
  }
};

TEST_P(CodeIsolation, OfPrograms) {
  const json row = {
      {"input_output", {{"inputs", {"1\n", "2\n", "3\n"}}, {"outputs", {"1\n", "1\n", "1\n"}}}}};
  EXPECT_EQ(passed("print(result, flush=True)\nos._exit(0)\n", row, GetParam()), 1);
}

TEST_P(CodeIsolation, OfCalls) {
  const json row = {
      {"input_output",
       {{"fn_name", "f"}, {"inputs", {"1", "2", "3"}}, {"outputs", {"1", "1", "1"}}}}};
  EXPECT_EQ(passed("def f(x): return result\n", row, GetParam()), 1);
}

TEST_P(CodeIsolation, OfAsserts) {
  const json row = {{"test_list", {"assert f(1) == 1", "assert f(2) == 1", "assert f(3) == 1"}}};
  EXPECT_EQ(passed("def f(x): return result\n", row, GetParam()), 1);
}

TEST_P(CodeIsolation, OfPytestFiles) {
  const json row = {
      {"test",
       "from solution import f\nimport os\n"
       "def test_a():\n    open('/work/mine', 'w')\n    assert f(1) == 1\n"
       "def test_b():\n    assert not os.path.exists('/work/mine')\n    assert f(1) == 1\n"}};
  EXPECT_EQ(passed("def f(x): return result\n", row, GetParam()), 1);
}

INSTANTIATE_TEST_SUITE_P(Substrates, CodeIsolation, testing::Bool(),
                         [](const auto& of) { return of.param ? "Function" : "Container"; });

}  // namespace
}  // namespace amalgam::rewards
