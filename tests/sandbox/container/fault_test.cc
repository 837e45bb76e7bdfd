// Failures of the infrastructure: typed, in bounded time, and over with the next sandbox.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <thread>

#include "sandbox/container/launcher.h"
#include "tests/eventually.h"
#include "tests/sandbox/fixture.h"
#include "tests/sandbox/processes.h"

namespace amalgam::sandbox {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr double kSeconds = 10;  // for what must be over soon

// Of a process with one thread.
std::vector<pid_t> children(pid_t pid) {
  const std::string p = std::to_string(pid);
  std::ifstream in("/proc/" + p + "/task/" + p + "/children");
  std::vector<pid_t> found;
  for (pid_t child; in >> child;) found.push_back(child);
  return found;
}

// By level: the launcher, its slots, their inits, the commands' processes.
std::vector<std::vector<pid_t>> process_levels() {
  std::vector<std::vector<pid_t>> levels{{Launcher::instance().pid()}};
  while (!levels.back().empty()) {
    std::vector<pid_t> next;
    for (const pid_t pid : levels.back())
      for (const pid_t child : children(pid)) next.push_back(child);
    levels.push_back(next);
  }
  return levels;
}

std::vector<pid_t> process_level(size_t level) {
  const auto levels = process_levels();
  return level < levels.size() ? levels[level] : std::vector<pid_t>();
}

std::vector<std::string> cgroup_folders(pid_t launcher) {
  std::vector<std::string> found;
  std::error_code ignored;
  const std::string name = "amalgam-sandbox-" + std::to_string(launcher);
  for (fs::recursive_directory_iterator it("/sys/fs/cgroup", ignored), end; it != end;
       it.increment(ignored))
    if (it->path().filename() == name) found.push_back(it->path());
  return found;
}

void expect_works() {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  EXPECT_EQ(shell(*sandbox, "echo works").out, "works\n");
}

void kill_and_wait(pid_t pid) {
  kill(pid, SIGKILL);
  EXPECT_TRUE(eventually([&] { return !is_alive(pid); }, kSeconds));
}

// Afterwards there is a new launcher with one slot.
void restart_launcher() {
  expect_works();
  const pid_t launcher = Launcher::instance().pid();
  kill_and_wait(launcher);
  expect_works();
  EXPECT_NE(Launcher::instance().pid(), launcher);
}

TEST(Fault, LauncherKilledBetweenCommands) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  EXPECT_EQ(shell(*sandbox, "echo works").out, "works\n");
  kill_launcher();
  std::string content;
  EXPECT_LT(seconds_of([&] {
              const Result r = shell(*sandbox, "echo no");
              EXPECT_EQ(r.outcome, Outcome::kSandboxFailed);
              EXPECT_NE(r.detail, "");
              EXPECT_EQ(r.detail.find('\n'), std::string::npos);
              EXPECT_EQ(sandbox->put_file("x", "x").outcome, Outcome::kSandboxFailed);
              EXPECT_EQ(sandbox->get_file("x", &content).outcome, Outcome::kSandboxFailed);
            }),
            5);
  expect_works();
  expect_works();
}

// Level 0: the launcher, 1: the slot, 2: the sandbox's init.
class KilledDuringACommand : public ::testing::TestWithParam<size_t> {};

TEST_P(KilledDuringACommand, IsAFailureOfTheSandbox) {
  restart_launcher();
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  std::thread killer([] {
    EXPECT_TRUE(
        eventually([] { return process_levels().size() > 4; }, kSeconds));  // the command runs
    for (const pid_t pid : process_level(GetParam())) kill(pid, SIGKILL);
  });
  Result r;
  EXPECT_LT(seconds_of([&] { r = shell(*sandbox, "echo begun; sleep 30"); }), 10);
  killer.join();
  EXPECT_EQ(r.outcome, Outcome::kSandboxFailed) << to_string(r.outcome);
  EXPECT_NE(r.detail, "");
  EXPECT_EQ(shell(*sandbox, "echo no").outcome, Outcome::kSandboxFailed);
  expect_works();
}
INSTANTIATE_TEST_SUITE_P(Levels, KilledDuringACommand, ::testing::Values(0, 1, 2));

TEST(Fault, LauncherThatDoesNotAnswer) {
  restart_launcher();
  auto busy = make();  // takes the free slot
  ASSERT_TRUE(busy);
  kill(Launcher::instance().pid(), SIGSTOP);
  std::string error;
  EXPECT_LT(seconds_of([&] { EXPECT_EQ(create_container(Limits{}, &error), nullptr); }), 20);
  EXPECT_THAT(error, HasSubstr("does not answer"));
  expect_works();
}

TEST(Fault, InitThatDoesNotAnswer) {
  restart_launcher();
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  for (const pid_t pid : process_level(2)) kill(pid, SIGSTOP);
  EXPECT_LT(
      seconds_of([&] { EXPECT_EQ(sandbox->put_file("x", "x").outcome, Outcome::kSandboxFailed); }),
      15);
  expect_works();
}

TEST(Fault, OutOfFileDescriptors) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit few{3, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &few);
  const Result r = shell(*sandbox, "echo no");
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(r.outcome, Outcome::kSandboxFailed);
  EXPECT_THAT(r.detail, HasSubstr("Too many open files"));
  EXPECT_EQ(shell(*sandbox, "echo works").out, "works\n") << "the sandbox itself was not harmed";
}

TEST(Fault, CgroupsThatCanNoLongerBeMade) {
  if (!has_cgroup("memory")) GTEST_SKIP() << "needs a memory cgroup";
  restart_launcher();
  const pid_t launcher = Launcher::instance().pid();
  const std::vector<std::string> folders = cgroup_folders(launcher);
  ASSERT_FALSE(folders.empty());
  // Slots die, their folders go, and then the launcher's own folder is taken away.
  const auto slots = process_level(1);
  for (const pid_t pid : slots) kill(pid, SIGKILL);
  ASSERT_TRUE(eventually([&] { return children(launcher).empty(); }, kSeconds));
  std::string error;
  ASSERT_TRUE(eventually(
      [&] {
        for (const std::string& folder : folders) {
          for (const auto& entry : fs::directory_iterator(folder))
            if (entry.is_directory()) rmdir(entry.path().c_str());
          rmdir(folder.c_str());
        }
        return cgroup_folders(launcher).empty();
      },
      kSeconds));
  EXPECT_EQ(create_container(Limits{}, &error), nullptr);
  EXPECT_THAT(error, HasSubstr("cgroup"));
  EXPECT_EQ(error.find('\n'), std::string::npos);
  kill_and_wait(launcher);
  expect_works();
}

TEST(Leaks, HundredSandboxesAtOnceLeaveNothing) {
  restart_launcher();
  std::ifstream mounts_before("/proc/self/mountinfo");
  std::ostringstream before;
  before << mounts_before.rdbuf();
  std::vector<std::unique_ptr<Sandbox>> sandboxes(100);
  std::atomic<int> right{0};
  auto in_threads = [&](const std::function<void(size_t)>& action) {
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 8; ++t)
      threads.emplace_back([&, t] {
        for (size_t i = t; i < sandboxes.size(); i += 8) action(i);
      });
    for (std::thread& thread : threads) thread.join();
  };
  in_threads([&](size_t i) { sandboxes[i] = make(); });
  for (const auto& sandbox : sandboxes) ASSERT_TRUE(sandbox);
  EXPECT_EQ(process_level(2).size(), 100u);
  in_threads([&](size_t i) {
    sandboxes[i]->put_file("number", std::to_string(i));
    right +=
        shell(*sandboxes[i], "sleep 100 & cat number; ls").out == std::to_string(i) + "number\n";
  });
  EXPECT_EQ(right, 100);
  in_threads([&](size_t i) { sandboxes[i].reset(); });

  EXPECT_TRUE(eventually([] { return process_level(3).empty(); }, kSeconds))
      << "processes are left";
  EXPECT_TRUE(eventually([] { return process_level(1).size() <= 64; }, kSeconds))
      << "too many slots are kept";
  // Each idle slot has made its next sandbox.
  EXPECT_TRUE(
      eventually([] { return process_level(2).size() == process_level(1).size(); }, kSeconds));
  std::ifstream mounts_after("/proc/self/mountinfo");
  std::ostringstream after;
  after << mounts_after.rdbuf();
  EXPECT_EQ(before.str(), after.str());
  for (const std::string& folder : cgroup_folders(Launcher::instance().pid())) {
    EXPECT_TRUE(eventually(
        [&] {
          size_t slots = 0;
          for (const auto& entry : fs::directory_iterator(folder)) slots += entry.is_directory();
          return slots == process_level(1).size();
        },
        kSeconds))
        << folder;
  }
  expect_works();
}

int64_t available_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  int64_t kib = 0;
  for (std::string word; meminfo >> word;)
    if (word == "MemAvailable:" && meminfo >> kib) break;
  return kib * 1024;
}

// Of the whole machine, the kernel's part included. Others use memory meanwhile, so it is measured
// on the way up and on the way down, and the smaller of both counts.
int64_t bytes_of_idle(size_t count) {
  restart_launcher();
  expect_works();
  std::vector<std::unique_ptr<Sandbox>> sandboxes(count);
  const int64_t before = available_bytes();
  for (auto& sandbox : sandboxes) {
    sandbox = make();
    EXPECT_TRUE(sandbox);
    if (!sandbox) return INT64_MAX;
  }
  EXPECT_EQ(process_level(2).size(), sandboxes.size());
  const int64_t full = available_bytes();
  for (const size_t i : {size_t{0}, sandboxes.size() - 1})
    EXPECT_EQ(shell(*sandboxes[i], "echo works").out, "works\n");
  sandboxes.clear();
  restart_launcher();
  expect_works();
  return std::min(before, available_bytes()) - full;
}

// What others took while it was measured is not there the next time.
TEST(SlowIdle, TwoThousandSandboxesFitInTwoGiB) {
  constexpr int64_t kMost = int64_t{2} << 30;
  int64_t used = bytes_of_idle(2000);
  for (int again = 0; again < 2 && used > kMost; ++again) used = bytes_of_idle(2000);
  EXPECT_LE(used, kMost);
  RecordProperty("bytes", std::to_string(used));
}

// Run in a process of its own, which the test below kills.
TEST(Owner, DISABLED_HoldsARunningCommand) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  std::thread talker([] {
    while (process_levels().size() <= 4) usleep(1000);
    std::string line;
    const auto levels = process_levels();
    for (const auto& level : levels)
      for (const pid_t pid : level) line += std::to_string(pid) + " ";
    line += "end\n";
    EXPECT_GT(write(3, line.data(), line.size()), 0);
  });
  shell(*sandbox, "trap '' TERM; sleep 1000");
  talker.join();
}

TEST(Owner, TakesEverythingAlongWhenKilled) {
  int channel[2];
  ASSERT_EQ(pipe2(channel, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, channel[1], 3);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  std::string name = "test_sandbox", disabled = "--gtest_also_run_disabled_tests",
              filter = "--gtest_filter=Owner.DISABLED_HoldsARunningCommand";
  char* argv[] = {name.data(), disabled.data(), filter.data(), nullptr};
  char* environment[] = {nullptr};
  pid_t owner = 0;
  ASSERT_EQ(posix_spawn(&owner, "/proc/self/exe", &actions, nullptr, argv, environment), 0);
  posix_spawn_file_actions_destroy(&actions);
  close(channel[1]);
  std::string text;
  char c;
  while (text.find("end") == std::string::npos && read(channel[0], &c, 1) == 1) text += c;
  close(channel[0]);
  std::vector<pid_t> pids;
  std::istringstream in(text);
  for (pid_t pid; in >> pid;) pids.push_back(pid);
  ASSERT_GE(pids.size(), 4u) << text;  // launcher, slot, init, command
  for (const pid_t pid : pids) EXPECT_TRUE(is_alive(pid)) << pid;
  kill(owner, SIGKILL);
  waitpid(owner, nullptr, 0);
  for (const pid_t pid : pids)
    EXPECT_TRUE(eventually([&] { return !is_alive(pid); }, kSeconds)) << pid;
  EXPECT_TRUE(eventually([&] { return cgroup_folders(pids[0]).empty(); }, kSeconds))
      << "cgroups are left";
}

TEST(Leaks, CgroupsOfAKilledLauncherAreRemovedByTheNext) {
  if (!has_cgroup("memory")) GTEST_SKIP() << "needs a memory cgroup";
  expect_works();
  const pid_t launcher = Launcher::instance().pid();
  ASSERT_FALSE(cgroup_folders(launcher).empty());
  const auto slots = process_level(1);
  kill(launcher, SIGKILL);
  for (const pid_t pid : slots) EXPECT_TRUE(eventually([&] { return !is_alive(pid); }, kSeconds));
  expect_works();
  EXPECT_TRUE(cgroup_folders(launcher).empty());
}

}  // namespace
}  // namespace amalgam::sandbox
