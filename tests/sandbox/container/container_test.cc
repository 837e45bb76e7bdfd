// A command's way in and out: arguments, streams, files, environment, exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "sandbox/sandbox.h"
#include "tests/sandbox/fixture.h"

namespace amalgam::sandbox {
namespace {

using ::testing::HasSubstr;

TEST(Container, RunsAProgram) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const Result r = sandbox->exec({{"/bin/sh", "-c", "echo out; echo err >&2; exit 3"}, ""});
  EXPECT_EQ(r.outcome, Outcome::kExit) << r.detail;
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_EQ(r.out, "out\n");
  EXPECT_EQ(r.err, "err\n");
}

TEST(Container, ReportsAFatalSignalAsAShellDoes) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const Result r = sandbox->exec({{"/bin/sh", "-c", "kill -SEGV $$"}, ""});
  EXPECT_EQ(r.outcome, Outcome::kSignal);
  EXPECT_EQ(r.exit_code, 128 + 11);
}

TEST(Container, ReportsAMissingProgram) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const Result missing = sandbox->exec({{"/usr/bin/no-such-program"}, ""});
  EXPECT_EQ(missing.outcome, Outcome::kExit);
  EXPECT_EQ(missing.exit_code, 127);
  EXPECT_THAT(missing.err, HasSubstr("/usr/bin/no-such-program"));
  const Result relative = sandbox->exec({{"true"}, ""});
  EXPECT_EQ(relative.exit_code, 127);
  const Result none = sandbox->exec({{}, ""});
  EXPECT_EQ(none.exit_code, 127);
}

TEST(Container, FeedsStdinOfAnySize) {
  Limits limits;
  limits.output_bytes = 4 << 20;
  auto sandbox = make(limits);
  ASSERT_TRUE(sandbox);
  EXPECT_EQ(sandbox->exec({{"/bin/cat"}, ""}).out, "");
  std::string text(1'000'003, 'x');
  text += "\nend";
  const Result r = sandbox->exec({{"/bin/cat"}, text});
  EXPECT_EQ(r.outcome, Outcome::kOk) << r.detail;
  EXPECT_TRUE(r.out == text);
  // A program that does not read it does not harm us.
  EXPECT_EQ(sandbox->exec({{"/bin/true"}, text}).exit_code, 0);
}

TEST(Container, KeepsFilesBetweenCommandsAndForgetsThemAfter) {
  {
    auto sandbox = make();
    ASSERT_TRUE(sandbox);
    ASSERT_EQ(sandbox->put_file("a/b/in.txt", "hello").exit_code, 0);
    ASSERT_EQ(
        sandbox->exec({{"/bin/sh", "-c", "cat a/b/in.txt a/b/in.txt > out.txt"}, ""}).exit_code, 0);
    std::string content;
    const Result r = sandbox->get_file("out.txt", &content);
    EXPECT_EQ(r.outcome, Outcome::kOk);
    EXPECT_EQ(r.exit_code, 0);
    EXPECT_EQ(content, "hellohello");
    EXPECT_EQ(sandbox->put_file("out.txt", "x").exit_code, 0);
    sandbox->get_file("out.txt", &content);
    EXPECT_EQ(content, "x");
  }
  for (int i = 0; i < 3; ++i) {
    auto sandbox = make();
    ASSERT_TRUE(sandbox);
    EXPECT_EQ(sandbox->exec({{"/bin/ls", "-A", "/work", "/tmp/"}, ""}).out, "/tmp/:\n\n/work:\n");
  }
}

TEST(Container, MovesLargeFiles) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  std::string content(3'000'017, 'q'), back;
  for (size_t i = 0; i < content.size(); i += 977) content[i] = static_cast<char>(i);
  ASSERT_EQ(sandbox->put_file("large", content).exit_code, 0);
  ASSERT_EQ(sandbox->get_file("large", &back).exit_code, 0);
  EXPECT_TRUE(back == content);
}

TEST(Container, RefusesPathsThatLeaveTheDirectory) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  std::string content;
  for (const char* path : {"", "/etc/passwd", "../etc/passwd", "a/../../x", "a//b", "./a", "a/"}) {
    EXPECT_EQ(sandbox->put_file(path, "x").outcome, Outcome::kDenied) << path;
    EXPECT_EQ(sandbox->get_file(path, &content).outcome, Outcome::kDenied) << path;
  }
  EXPECT_EQ(sandbox->get_file("missing", &content).outcome, Outcome::kExit);
}

TEST(Container, RunsPythonInAFixedEnvironment) {
  const std::string code =
      "import os,sys\n"
      "print(sorted(os.environ.items()))\n"
      "print(os.getcwd(), os.getuid(), os.getgid(), os.getpid(), os.uname().nodename)\n"
      "print(hash('a'), id(object()))\n";
  std::string first;
  for (int i = 0; i < 4; ++i) {
    auto sandbox = make();
    ASSERT_TRUE(sandbox);
    ASSERT_EQ(sandbox->put_file("main.py", code).exit_code, 0);
    const Result r = sandbox->exec({{"/usr/bin/python3", "-S", "main.py"}, ""});
    ASSERT_EQ(r.outcome, Outcome::kOk) << r.detail;
    EXPECT_EQ(r.err, "");
    EXPECT_THAT(r.out, HasSubstr("/work 1000 1000 2 sandbox"));
    EXPECT_THAT(r.out,
                HasSubstr("[('HOME', '/work'), ('LANG', 'C.UTF-8'), ('PATH', '/usr/bin:/bin'), "
                          "('PYTHONDONTWRITEBYTECODE', '1'), ('PYTHONHASHSEED', '0')]"));
    if (i == 0) first = r.out;
    EXPECT_EQ(r.out, first) << "hashes and addresses must not change from run to run";
  }
}

TEST(Container, ManyThreadsUseFreshOnes) {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        auto sandbox = make();
        if (!sandbox) continue;
        const std::string text = std::to_string(t) + "-" + std::to_string(i);
        const Result put = sandbox->put_file("in", text);
        const Result r = sandbox->exec({{"/bin/cat", "in", "-"}, "!"});
        right += put.exit_code == 0 && r.outcome == Outcome::kOk && r.out == text + "!";
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 6 * 20);
}

TEST(Container, ProbeTellsWhatIsThere) {
  const Support support = probe();
  EXPECT_TRUE(support.user_namespaces);
  EXPECT_TRUE(support.seccomp);
  EXPECT_FALSE(support.cgroups.empty());
  RecordProperty("cgroups", support.cgroups);
  EXPECT_EQ(support.python, "/usr/bin/python3");
}

}  // namespace
}  // namespace amalgam::sandbox
