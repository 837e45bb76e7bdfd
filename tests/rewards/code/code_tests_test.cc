#include "rewards/code/code_tests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace amalgam::rewards {
namespace {

using testing::HasSubstr;

// f doubles; g returns a list; their results on two inputs each.
const char* const kDouble = R"({"fn_name": "f", "inputs": [[3], [-4]], "outputs": [6, -8]})";

class CodeTests : public testing::Test {
 protected:
  void SetUp() override {
    std::string error;
    if (!sandbox::create_container({}, &error)) GTEST_SKIP() << "no sandbox here: " << error;
  }
  Score run(const std::string& solution, const std::string& truth = kDouble) {
    CodeTestOptions options;
    options.limits.cpu_seconds = 1;
    return score_code_tests(solution, truth, "", options);
  }
  // The detail of a scored answer that must have this reward.
  std::string detail(double reward, const std::string& solution,
                     const std::string& truth = kDouble) {
    const Score score = run(solution, truth);
    EXPECT_EQ(score.status, Status::kScored) << score.detail;
    EXPECT_EQ(score.reward, reward) << solution << "\n" << score.detail;
    return score.detail;
  }
};

TEST_F(CodeTests, RightAndWrongFunctions) {
  EXPECT_EQ(detail(1, "def f(x):\n    return 2 * x"), "2 of 2 tests pass");
  EXPECT_EQ(detail(0, "def f(x):\n    return 6"), "1 of 2 tests pass");
  EXPECT_EQ(detail(0, "def f(x):\n    return 1 / 0"), "0 of 2 tests pass");
  EXPECT_EQ(detail(0, "def f(x, y):\n    return 2 * x"), "0 of 2 tests pass");
  EXPECT_EQ(detail(0, "def f(x)\n    return 2 * x"), "no function: SyntaxError");
  EXPECT_EQ(detail(0, "def g(x):\n    return 2 * x"), "no function: KeyError");
  EXPECT_EQ(detail(0, "f = 3"), "0 of 2 tests pass");
  EXPECT_EQ(detail(0, ""), "no function: KeyError");
}

TEST_F(CodeTests, FencesImportsAndPrints) {
  EXPECT_EQ(detail(1, "Here:\n```python\ndef f(x):\n    return 2 * x\n```\nDone."),
            "2 of 2 tests pass");
  EXPECT_EQ(detail(1, "```\nbroken(\n```\n```py\ndef f(x): return 2 * x\n```"),
            "2 of 2 tests pass");
  EXPECT_EQ(
      detail(1, "import math\ndef f(x):\n    print('debug', x)\n    return math.trunc(2 * x)"),
      "2 of 2 tests pass");
  EXPECT_EQ(detail(1, "import sys\nprint('x' * 1000000)\ndef f(x): return 2 * x"),
            "2 of 2 tests pass");
}

TEST_F(CodeTests, ValuesAreComparedAsJson) {
  const char* list = R"({"fn_name": "f", "inputs": [[1]], "outputs": [[1, 2]]})";
  detail(1, "def f(x): return [1, 2]", list);
  detail(1, "def f(x): return (1, 2)", list);
  detail(0, "def f(x): return [2, 1]", list);
  detail(0, "def f(x): return {1, 2}", list);
  detail(0, "def f(x): return '[1, 2]'", list);
  const char* one = R"({"fn_name": "f", "inputs": [[1]], "outputs": [1]})";
  detail(1, "def f(x): return 1.0", one);
  detail(0, "def f(x): return True", one);
  detail(0, "def f(x): return float('nan')", one);
  detail(0, "def f(x): return 10 ** 5000", one);
  detail(0, "def f(x): return None", one);
  const char* text =
      R"({"fn_name": "f", "inputs": [["\u00e9\ud83d\ude00\"\\\u0000\r\u2028\/", null, true, -1.5e300]],
          "outputs": [["\u00e9\ud83d\ude00\"\\\u0000\r\u2028/\n", null, true, -1.5e300]]})";
  detail(1, "def f(x, n, t, d): return (x + '\\n', n, t, d) if n is None and t is True else 0",
         text);
  const char* object =
      R"({"fn_name": "f", "inputs": [[{"a": []}]], "outputs": [{"a": [1], "2": {}}]})";
  detail(1, "def f(x):\n    x['a'].append(1)\n    return {**x, 2: {}}", object);
  detail(0, "def f(x): return {'a': [1], (2,): {}}", object);
  detail(0, "def f(x): return {'a': [1]}", object);
}

// Each tries to be scored 1 without computing the values.
TEST_F(CodeTests, HostileCodeGainsNothing) {
  const char* const attempts[] = {
      "print('2 of 2 tests pass'); print('passed')\nimport os\nos._exit(0)", "exit(0)",
      "raise SystemExit(0)", "def f(x): exit(0)", "def f(x):\n    import os\n    os._exit(0)",
      // Writes a result of its own through every descriptor, then leaves.
      "import os\nfor fd in range(3, 30):\n  try: os.write(fd, b'[[1], [1]]')\n  except OSError: "
      "pass\n"
      "os._exit(0)",
      "import os\nfor fd in range(3, 30):\n  try: os.write(fd, b'true')\n  except OSError: pass\n"
      "def f(x): return 2 * x",
      // A value that claims to equal everything.
      "class E(int):\n    def __eq__(self, other): return True\n    def __repr__(self): return "
      "'6'\n"
      "def f(x): return E(5)",
      "class E:\n    def __eq__(self, other): return True\ndef f(x): return E()",
      // Rewrites the harness.
      "import sys\ng = sys._getframe(1).f_globals\ng['run'] = lambda: [[True], [True]]\n"
      "def f(x): return 0",
      "import sys\nsys._getframe(1).f_globals['to_json'] = lambda v: '[1]'\ndef f(x): return 0",
      "class E:\n    __class__ = int\ndef f(x): return E()",
      "import builtins\nbuiltins.len = lambda x: 0\ndef f(x): return 0",
      // Looks for the expected values in the frames above and in its own memory.
      "import sys, gc\ndef f(x):\n    for o in gc.get_objects():\n"
      "        if isinstance(o, dict) and 'outputs' in o: return o['outputs'][0]\n    return 0",
      "import sys\ndef f(x): return sys._getframe(1).f_locals.get('expected', 0)",
      // Endless output that is no JSON.
      "import os\nwhile True: os.write(3, b'[' * 65536)",
      "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
      "import sys\nsys.setrecursionlimit(10**9)\ndef f(x): return f(x)",
      "def f(x):\n    r = []\n    for i in range(100000): r = [r]\n    return r",
      "import threading, time\nthreading.Thread(target=lambda: time.sleep(1000)).start()\n"
      "def f(x): return 0",
      "def f(x):\n    class M(type):\n        __name__ = property(lambda s: 1 / 0)\n"
      "    class B(BaseException, metaclass=M): pass\n    raise B()",
      "\xff\xfe def f(x): return 0", "def f(x): return '\xc3'", "\0"};
  for (const char* attempt : attempts) detail(0, attempt);
  detail(0, std::string("def f(x): return 2 * x\0#", 24) + "\n");
}

TEST_F(CodeTests, LimitsAreTheCodesOwnFault) {
  // The limit on CPU time ends a test by either signal.
  const auto is_limit =
      testing::AnyOf("0 of 2 tests pass; test 1: timeout", "0 of 2 tests pass; test 1: signal 9");
  EXPECT_THAT(detail(0, "while True: pass"), is_limit);
  EXPECT_THAT(detail(0, "def f(x):\n    while True: pass"), is_limit);
  const std::string memory = detail(0, "x = bytearray(1 << 30)\ndef f(x): return 2 * x");
  EXPECT_THAT(memory, testing::AnyOf("out of memory", "0 of 2 tests pass; test 1: signal 9",
                                     "0 of 2 tests pass; test 1: MemoryError"));
}

// Scored as well, and said in the log: the only limit that depends on the machine's other work.
TEST_F(CodeTests, CodeThatSleepsEndsAtTheWallClock) {
  CodeTestOptions options;
  options.limits.wall_seconds = 0.3;
  ::testing::internal::CaptureStderr();
  const Score score = score_code_tests("import time\ntime.sleep(1000)", kDouble, "", options);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("slept into its wall-clock limit and scored 0: this run cannot be"));
  EXPECT_EQ(score.status, Status::kScored);
  EXPECT_EQ(score.reward, 0);
  EXPECT_EQ(score.detail, "0 of 2 tests pass; test 1: timeout (wall clock)");
}

TEST_F(CodeTests, OneSampleDoesNotSeeAnother) {
  detail(1, "open('/work/seen', 'w').write('x')\ndef f(x): return 2 * x");
  detail(0,
         "import os\nknown = os.path.exists('/work/seen')\n"
         "def f(x): return 2 * x if known else 0");
}

// What one call leaves is not there for the next, in whatever way the code keeps it.
TEST_F(CodeTests, OneCallDoesNotSeeAnother) {
  const char* const same = R"({"fn_name": "f", "inputs": [[1], [1], [1]], "outputs": [1, 1, 1]})";
  for (const char* code :
       {"n = 0\ndef f(x):\n    global n\n    n += 1\n    return n",
        "def f(x, seen=[]):\n    seen.append(x)\n    return len(seen)",
        "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)",
        "def f(x):\n    f.n = getattr(f, 'n', 0) + 1\n    return f.n",
        "class C:\n    n = 0\ndef f(x):\n    C.n += 1\n    return C.n",
        "import itertools\nc = itertools.count(1)\ndef f(x): return next(c)",
        "def f(x):\n    open('/work/n', 'a').write('x')\n    return len(open('/work/n').read())"})
    EXPECT_EQ(detail(1, code, same), "3 of 3 tests pass") << code;
  const char* const truth = R"({"fn_name": "f", "inputs": [[1]], "outputs": [1]})";
  detail(0, "seen = []\ndef f(x): return True", truth);
  detail(0, "seen = []\ndef f(x): return [1]", truth);
}

TEST_F(CodeTests, ManyThreadsGiveTheSameScores) {
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        const bool right = (t + i) % 2 == 0;
        const Score score = run(right ? "def f(x): return 2 * x" : "def f(x): return x");
        wrong[static_cast<size_t>(t)] +=
            score.status != Status::kScored || score.reward != (right ? 1 : 0);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

class BrokenSandbox : public sandbox::Sandbox {
 public:
  explicit BrokenSandbox(sandbox::Result result) : result_(std::move(result)) {}
  sandbox::Result exec(const sandbox::Command&) override { return result_; }
  sandbox::Result put_file(const std::string&, const std::string&) override { return result_; }
  sandbox::Result get_file(const std::string&, std::string*) override { return result_; }

 private:
  sandbox::Result result_;
};

Score run_with(const sandbox::Result& result) {
  CodeTestOptions options;
  options.make_sandbox = [&](const sandbox::Limits&, const sandbox::Image&, std::string*) {
    return std::make_unique<BrokenSandbox>(result);
  };
  return score_code_tests("def f(x): return 2 * x", kDouble, "", options);
}

TEST(CodeTestsFailures, InfrastructureIsNeverAReward) {
  sandbox::Result dead;
  dead.detail = "launcher killed";
  EXPECT_EQ(run_with(dead).status, Status::kSandboxFailed);
  EXPECT_EQ(run_with(dead).detail, "launcher killed");
  CodeTestOptions options;
  options.make_sandbox = [](const sandbox::Limits&, const sandbox::Image&, std::string* error) {
    *error = "no namespaces";
    return nullptr;
  };
  const Score score = score_code_tests("", kDouble, "", options);
  EXPECT_EQ(score.status, Status::kSandboxFailed);
  EXPECT_EQ(score.detail, "no namespaces");
}

TEST(CodeTestsFailures, OnlyAWholeResultCounts) {
  sandbox::Result result;
  result.outcome = sandbox::Outcome::kOk;
  result.out = "[[6], [-8]]";
  EXPECT_EQ(run_with(result).reward, 1);
  for (const char* out : {"", "[[6]]", "[[6], [-8]", "[6, -8]", "[[6], [-8], [1]]", "{}", "null",
                          "[[6], [-8]] passed", "[[6, 1], [-8]]", "[[6], \"-8\"]"}) {
    result.out = out;
    EXPECT_EQ(run_with(result).status, Status::kScored);
    EXPECT_EQ(run_with(result).reward, 0) << out;
  }
}

TEST(CodeTestsFailures, BadGroundTruth) {
  for (const char* truth : {"", "{}", "3", R"({"fn_name": "f", "inputs": [], "outputs": []})",
                            R"({"fn_name": "f", "inputs": [[1]], "outputs": [1, 2]})",
                            R"({"fn_name": "f", "inputs": [1], "outputs": [1]})",
                            R"({"fn_name": 1, "inputs": [[1]], "outputs": [1]})",
                            R"({"inputs": [[1]], "outputs": [1]})"})
    EXPECT_EQ(score_code_tests("", truth, "", {}).status, Status::kBadRow) << truth;
}

}  // namespace
}  // namespace amalgam::rewards
