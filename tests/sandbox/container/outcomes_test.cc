// Each way in which a command can end, and what else a result says; environment, working directory,
// fed standard input, cancelling.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <thread>

#include "configs/clock.h"
#include "tests/sandbox/container/outcome_cases.h"
#include "tests/sandbox/processes.h"

namespace amalgam::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Limits quick() { return outcome_case_limits(0.5); }

TEST(Outcomes, HaveTheNamesOfTheInterface) {
  const char* const names[] = {"ok",     "exit",           "signal",     "timeout",
                               "memory", "output_limit",   "disk_limit", "process_limit",
                               "denied", "sandbox_failed", "cancelled"};
  for (int i = 0; i <= static_cast<int>(Outcome::kCancelled); ++i)
    EXPECT_STREQ(to_string(static_cast<Outcome>(i)), names[i]);
  EXPECT_TRUE(is_infrastructure(Outcome::kSandboxFailed));
  EXPECT_TRUE(is_infrastructure(Outcome::kCancelled));
  EXPECT_FALSE(is_infrastructure(Outcome::kDenied));
}

TEST(Outcomes, OfShellCommands) {
  auto sandbox = make(quick());
  ASSERT_TRUE(sandbox);
  expect_outcome_cases(*sandbox);
}

TEST(Outcomes, AForkThatIsRefusedIsTheProcessLimit) {
  auto sandbox = make(quick());
  ASSERT_TRUE(sandbox);
  const std::string bomb =
      "import os, time\n"
      "for i in range(50):\n"
      "  if os.fork() == 0: time.sleep(30)\n";
  const Result r = python(*sandbox, bomb);
  EXPECT_EQ(r.outcome, Outcome::kProcessLimit) << to_string(r.outcome) << r.err;
  EXPECT_THAT(r.err, HasSubstr("BlockingIOError"));
  const Result caught = python(*sandbox,
                               "import os, time\n"
                               "try:\n"
                               "  for i in range(50):\n"
                               "    if os.fork() == 0: time.sleep(30)\n"
                               "except OSError: print('caught')\n");
  EXPECT_EQ(caught.outcome, Outcome::kOk);
  EXPECT_EQ(caught.out, "caught\n");
  EXPECT_EQ(shell(*sandbox, "exit 5").outcome, Outcome::kExit) << "counted from command to command";
}

TEST(Outcomes, SayWhatWasUsed) {
  Limits limits;
  limits.cpu_seconds = 5;
  auto sandbox = make(limits);
  ASSERT_TRUE(sandbox);
  const Result large =
      python(*sandbox, "import time\nx = bytes(range(256)) * 400_000\ntime.sleep(0.3)");
  ASSERT_EQ(large.outcome, Outcome::kOk) << large.err;
  EXPECT_GE(large.peak_memory_bytes, 100'000'000);
  EXPECT_LE(large.peak_memory_bytes, 256 << 20);
  EXPECT_GE(large.wall_seconds, 0.3);
  EXPECT_LT(large.wall_seconds, 30);
  const Result small = shell(*sandbox, ":");
  EXPECT_GT(small.peak_memory_bytes, 0);
  if (probe().cgroups.find("v1 memory") != std::string::npos) {
    EXPECT_LT(small.peak_memory_bytes, 50'000'000) << "each command has its own account";
  }
}

TEST(CommandOptions, EnvironmentAddsToTheFixedOne) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  Command command{{"/usr/bin/env"}};
  command.environment = {"A=1", "HOME=/work/home", "EMPTY="};
  const Result r = sandbox->exec(command);
  EXPECT_EQ(r.out,
            "A=1\nHOME=/work/home\nEMPTY=\nPATH=/usr/bin:/bin\nLANG=C.UTF-8\nPYTHONHASHSEED=0\n"
            "PYTHONDONTWRITEBYTECODE=1\n");
}

TEST(CommandOptions, WorkingDirectory) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  ASSERT_EQ(sandbox->put_file("a/b/file", "x").outcome, Outcome::kOk);
  Command command{{"/bin/pwd"}};
  command.working_directory = "a/b";
  EXPECT_EQ(sandbox->exec(command).out, "/work/a/b\n");
  command.working_directory = "/usr/bin";
  EXPECT_EQ(sandbox->exec(command).out, "/usr/bin\n");
  command.working_directory = "missing";
  const Result r = sandbox->exec(command);
  EXPECT_EQ(r.outcome, Outcome::kExit);
  EXPECT_EQ(r.exit_code, 126);
  EXPECT_NE(r.err, "");
}

TEST(CommandOptions, ZeroBytesAreRefused) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const std::string zero("a\0b", 3);
  EXPECT_EQ(sandbox->exec({{"/bin/echo", zero}}).exit_code, 126);
  Command command{{"/bin/echo"}};
  command.environment = {"A=" + zero};
  EXPECT_EQ(sandbox->exec(command).exit_code, 126);
}

TEST(CommandOptions, StdinIsFedFromADescriptor) {
  Limits limits;
  limits.output_bytes = 4 << 20;
  auto sandbox = make(limits);
  ASSERT_TRUE(sandbox);
  expect_stdin_is_fed(*sandbox);
}

TEST(CommandOptions, AProgramThatIgnoresItsStdinHarmsNobody) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(zero, 0);
  for (const char* script : {"exit 3", "exec <&-; sleep 0.1; exit 3"}) {
    Command command{{"/bin/sh", "-c", script}};
    command.stdin_fd = zero;
    EXPECT_EQ(sandbox->exec(command).exit_code, 3);
  }
  close(zero);
}

TEST(Cancel, EndsARunningCommand) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  EXPECT_FALSE(sandbox->cancel(1)) << "nothing runs";
  auto running = std::async(std::launch::async, [&] {
    return shell(*sandbox, "trap '' TERM; echo begun; sleep 30 & sleep 30");
  });
  wait_until_runs("sleep");
  const auto begin = Clock::now();
  EXPECT_TRUE(sandbox->cancel(60));
  const Result r = running.get();
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(15));
  EXPECT_EQ(r.outcome, Outcome::kCancelled) << to_string(r.outcome);
  EXPECT_EQ(r.out, "begun\n");
  // The sandbox goes on, and a late cancel does not reach the next command.
  EXPECT_FALSE(sandbox->cancel(1));
  EXPECT_EQ(shell(*sandbox, "echo again").out, "again\n");
}

}  // namespace
}  // namespace amalgam::sandbox
