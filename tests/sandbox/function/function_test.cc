// The function substrate: what a call gives is what the same command gives in a fresh container.
#include "sandbox/function/function.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "configs/clock.h"
#include "tests/sandbox/fixture.h"
#include "tests/sandbox/processes.h"

namespace amalgam::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr double kFillSeconds = 60;
// For Python, but not for our own processes, which with a sanitizer need more.
#ifdef __SANITIZE_ADDRESS__
constexpr int64_t kTooSmallBytes = 4 << 20;
#else
constexpr int64_t kTooSmallBytes = 2 << 20;
#endif

std::unique_ptr<Sandbox> make_function(const Limits& limits = {}) {
  std::string error;
  auto sandbox = create("function", limits, &error);
  EXPECT_NE(sandbox, nullptr) << error;
  return sandbox;
}

Result call(const std::string& code, const std::string& stdin_text = "",
            const Limits& limits = {}) {
  auto sandbox = make_function(limits);
  return sandbox ? sandbox->exec({python_call({"-c", code}), stdin_text}) : Result{};
}

Limits quick() {
  Limits limits;
  limits.cpu_seconds = 0.5;
  return limits;
}

// What a program can see of its interpreter, and each way it can end.
const char* const kPrograms[] = {
    "print(1)",
    "",
    "import sys; print(sys.argv, sys.path, sys.flags, sys.orig_argv[:3])",
    "import os; print(sorted(os.environ.items()), os.getcwd(), os.getpid(), os.getppid())",
    "import sys; print(sorted(m for m in sys.modules if m != 'atexit'))",
    "print(sorted(globals().keys()), __name__)",
    "print(hash('a'), hash((1, 'b')), {'x', 'y', 'z'})",
    "import sys; print(sys.stdin.read().upper(), end='')",
    "import sys; sys.stdout.write('no end of line'); sys.stderr.write('error')",
    "import os; os.write(1, b'unbuffered'); print('buffered')",
    "raise SystemExit",
    "raise SystemExit(3)",
    "raise SystemExit('a reason')",
    "raise SystemExit(300)",
    "import sys; sys.exit(-1)",
    "raise SystemExit(10**40)",
    "raise SystemExit(2**63 - 256)",
    "import os; os._exit(5)",
    "1/0",
    "def f():\n  raise ValueError('deep')\ntry:\n  f()\nexcept ValueError as e:\n  raise "
    "KeyError(1) "
    "from e",
    "x = (",
    "\tx = 1\n  y = 2",
    "import atexit; atexit.register(print, 'at exit'); print('before')",
    "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.05), "
    "print('late'))).start()",
    "def f(n): return f(n + 1)\ntry: f(0)\nexcept RecursionError as e: print(e)",
    "import __main__; x = 1; print(__main__.x)",
    "class C:\n  pass\nimport pickle; print(pickle.loads(pickle.dumps(C)) is C)",
    "import subprocess; print(subprocess.run(['/bin/echo', 'child'], capture_output=True).stdout)",
    "import os; pid = os.fork(); pid and os.wait(); print('parent' if pid else 'child')",
    "import json, re, math; print(json.dumps({'a': math.pi}), re.sub('a', 'b', 'aa'))",
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "print('\\u00e9\\udc80')",
};

TEST(Function, GivesWhatAContainerGives) {
  auto container = make();
  ASSERT_TRUE(container);
  for (const char* program : kPrograms) {
    auto fresh = make();
    ASSERT_TRUE(fresh);
    const Command command{python_call({"-c", program}), "some input"};
    const Result expected = fresh->exec(command);
    const Result r = call(program, "some input");
    EXPECT_EQ(r.outcome, expected.outcome) << program << r.detail;
    EXPECT_EQ(r.exit_code, expected.exit_code) << program;
    EXPECT_EQ(r.err, expected.err) << program;
    EXPECT_EQ(r.out, expected.out) << program;
  }
}

TEST(Function, RunsAFile) {
  auto sandbox = make_function();
  ASSERT_TRUE(sandbox);
  const std::string code =
      "import sys, helper\n"
      "print(sys.argv, __file__, sys.path[0], helper.value, input())\n"
      "open('out', 'w').write('written')\n"
      "1/0\n";
  ASSERT_EQ(sandbox->put_file("main.py", code).outcome, Outcome::kOk);
  ASSERT_EQ(sandbox->put_file("helper.py", "value = 7\n").outcome, Outcome::kOk);
  std::string content;
  EXPECT_EQ(sandbox->get_file("main.py", &content).outcome, Outcome::kExit) << "before the call";
  const Result r = sandbox->exec({python_call({"main.py", "a", "b c"}), "line\n"});
  EXPECT_EQ(r.out, "['main.py', 'a', 'b c'] /work/main.py /work 7 line\n") << r.err;
  EXPECT_EQ(r.outcome, Outcome::kExit);
  EXPECT_THAT(r.err, HasSubstr("  File \"/work/main.py\", line 4, in <module>\n    1/0\n"));
  EXPECT_EQ(sandbox->get_file("out", &content).outcome, Outcome::kOk);
  EXPECT_EQ(content, "written");
  const Result missing = make_function()->exec({python_call({"none.py"})});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_EQ(missing.out, "");
}

TEST(Function, ServesOneCall) {
  auto sandbox = make_function();
  ASSERT_TRUE(sandbox);
  EXPECT_EQ(sandbox->exec({python_call({"-c", "print(1)"})}).out, "1\n");
  EXPECT_EQ(sandbox->exec({python_call({"-c", "print(2)"})}).outcome, Outcome::kDenied);
}

TEST(Function, LeavesNothingToTheNextCall) {
  ASSERT_TRUE(warm_functions({}, kFillSeconds));
  EXPECT_EQ(call("open('/work/x', 'w').write('x'); import builtins; builtins.secret = 1").err, "");
  for (int i = 0; i < 2 * kWarmFunctions; ++i)
    EXPECT_EQ(call("import os, builtins; print(os.listdir('.'), hasattr(builtins, 'secret'))").out,
              "[] False\n");
}

TEST(Function, OtherCommandsRunAsInAContainer) {
  EXPECT_EQ(
      make_function()->exec({{"/bin/sh", "-c", "echo $0 shell; cat /proc/[1-9]*/comm"}, ""}).out,
      "/bin/sh shell\namalgam-sandbox\nsh\n");
  Command command{python_call({"-c", "import os; print(os.environ['A'])"})};
  command.environment = {"A=1"};
  EXPECT_EQ(make_function()->exec(command).out, "1\n");
}

TEST(Function, KeepsTheLimits) {
  Limits limits = quick();
  limits.output_bytes = 1000;
  limits.disk_bytes = 1 << 20;
  EXPECT_EQ(call("while True: pass", "", limits).outcome, Outcome::kTimeout);
  EXPECT_EQ(call("while True: print('flood')", "", limits).outcome, Outcome::kOutputLimit);
  EXPECT_EQ(call("open('f', 'wb').write(bytes(1 << 20)); open('g', 'wb').write(bytes(1 << 16))", "",
                 limits)
                .outcome,
            Outcome::kDiskLimit);
  if (has_cgroup("memory")) {
    EXPECT_EQ(call("x = bytearray(1 << 30)", "", limits).outcome, Outcome::kMemory);
  }
  const Result r = call("print('fine')", "", limits);
  EXPECT_EQ(r.outcome, Outcome::kOk);
  EXPECT_LT(r.cpu_seconds, 0.2) << "the start of the interpreter does not count";
}

// Too little for the interpreter itself: the call's outcome, as in a container.
TEST(Function, MemoryThatIsTooSmallIsTheCallsOutcome) {
  if (!has_cgroup("memory")) GTEST_SKIP() << "needs a memory cgroup";
  Limits small;
  small.memory_bytes = kTooSmallBytes;
  for (int i = 0; i < 2; ++i) {
    const Result r = call("print(1)", "", small);
    EXPECT_EQ(r.outcome, Outcome::kMemory) << r.detail << r.err;
  }
}

// One that cannot be filled does not keep the others from it.
TEST(Function, PoolsFillApart) {
  Limits small, other;
  small.memory_bytes = 2 << 20;
  other.disk_bytes = 2 << 20;
  ASSERT_TRUE(warm_functions(other, kFillSeconds));
  std::atomic<bool> done = false;
  std::thread pest([&] {  // keeps the bad one the last used
    while (!done) {
      warm_functions(small, 0);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  for (int i = 0; i < kWarmFunctions; ++i) make_function(other);
  EXPECT_TRUE(warm_functions(other, kFillSeconds));
  done = true;
  pest.join();
}

// A program that says at kEndFd that it ends has ended, in the state of that moment.
TEST(Function, WhatAnnouncesItsEndHasEnded) {
  if (!has_cgroup("memory") || !has_cgroup("cpu")) GTEST_SKIP() << "needs cgroups that measure";
  for (const char* rest : {"time.sleep(60)", "os.fork()\nwhile True: open('f', 'a').write('x')"}) {
    auto sandbox = make_function();
    ASSERT_TRUE(sandbox);
    const auto begin = Clock::now();
    const Result r = sandbox->exec(
        {python_call({"-c",
                      "import os, time\nopen('f', 'w').write('begin ')\nprint('out', flush=True)\n"
                      "os.write(255, b'\\0')\n" +
                          std::string(rest)})});
    EXPECT_EQ(r.outcome, Outcome::kOk) << r.detail << r.err;
    EXPECT_EQ(r.exit_code, 0);
    EXPECT_EQ(r.out, "out\n");
    std::string then, later;
    EXPECT_EQ(sandbox->get_file("f", &then).outcome, Outcome::kOk);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(sandbox->get_file("f", &later).outcome, Outcome::kOk);
    EXPECT_EQ(then, later);
    EXPECT_THAT(then, StartsWith("begin "));
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds(30));
  }
}

// Close to the limit (here every call is) all CPU time counts, also what the kernel had not counted
// yet when the end was announced: such a call takes half a millisecond at least.
TEST(Function, AnAnnouncementDoesNotStretchTheLimit) {
  if (!has_cgroup("memory") || !has_cgroup("cpu")) GTEST_SKIP() << "needs cgroups that measure";
  Limits limits;
  limits.cpu_seconds = 0.05;
  ASSERT_TRUE(warm_functions(limits, kFillSeconds));
  for (int i = 0; i < 2 * kWarmFunctions; ++i) {
    const Result r = call("print(1)", "", limits);
    EXPECT_EQ(r.outcome, Outcome::kOk) << r.detail;
    EXPECT_GT(r.cpu_seconds, 0.0003);
  }
}

// It is no end to write to what a program has put in the announcement's place, nor can it be
// announced that a program was no success.
TEST(Function, OnlyASuccessIsAnnounced) {
  auto sandbox = make_function();
  ASSERT_TRUE(sandbox);
  const Result own = sandbox->exec({python_call(
      {"-c",
       "import os\nos.dup2(os.open('f', os.O_CREAT | os.O_RDWR), 255)\nos.write(255, b'mine')"})});
  EXPECT_EQ(own.outcome, Outcome::kOk) << own.detail << own.err;
  std::string content;
  EXPECT_EQ(sandbox->get_file("f", &content).outcome, Outcome::kOk);
  EXPECT_EQ(content, "mine");
  EXPECT_EQ(call("import os; os.closerange(3, 256); print(1)").out, "1\n");
  const Result replaced = call(
      "import os\nos.execv('/usr/bin/python3', ['python3', '-S', '-c', "
      "'import os\\ntry: os.write(255, bytes(1))\\nexcept OSError: os._exit(3)'])");
  EXPECT_EQ(replaced.exit_code, 3) << "close-on-exec";
}

TEST(Function, LongInputsGoIn) {
  Limits limits;
  limits.output_bytes = 4 << 20;
  const std::string code =
      "import sys\nprint(len(sys.stdin.read()), len('" + std::string(300'000, 'c') + "'))";
  EXPECT_EQ(call(code, std::string(1'000'000, 'i'), limits).out, "1000000 300000\n");
}

TEST(Function, CanBeCancelled) {
  auto sandbox = make_function();
  ASSERT_TRUE(sandbox);
  auto running = std::async(std::launch::async, [&] {
    return sandbox->exec({python_call({"-c", "import time; time.sleep(30)"})});
  });
  bool cancelled = false;
  for (int i = 0; i < 100 && !cancelled; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    cancelled = sandbox->cancel(10);
  }
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(running.get().outcome, Outcome::kCancelled);
}

TEST(Function, ThePoolRefillsAndSurvivesALauncherThatDies) {
  ASSERT_TRUE(warm_functions({}, kFillSeconds));
  EXPECT_EQ(num_warm_functions({}), kWarmFunctions);
  EXPECT_EQ(call("print(1)").out, "1\n");
  ASSERT_TRUE(warm_functions({}, kFillSeconds));
  kill_launcher();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(call("print(1)").out, "1\n");
}

TEST(Function, ManyThreadsCall) {
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        const std::string text = std::to_string(10 * t + i);
        right += call("print(input())", text).out == text + "\n";
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 20);
}

TEST(Function, UnknownSubstratesAreRefused) {
  std::string error;
  EXPECT_EQ(create("jail", {}, &error), nullptr);
  EXPECT_THAT(error, HasSubstr("container"));
}

}  // namespace
}  // namespace amalgam::sandbox
