// What each sandbox has of its own: /proc, /dev/shm, terminals, the loopback device.
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/container/container.h"
#include "tests/sandbox/fixture.h"

namespace amalgam::sandbox {
namespace {

using ::testing::HasSubstr;

Result bash(Sandbox& sandbox, const std::string& script) {
  return sandbox.exec({{"/bin/bash", "-c", script}, ""});
}

TEST(OwnMounts, StreamsHaveNames) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const Result r = sandbox->exec(
      {{"/bin/bash", "-c", "cat /dev/stdin; echo out > /dev/stdout; echo err > /dev/fd/2"},
       "in\n"});
  EXPECT_EQ(r.out, "in\nout\n");
  EXPECT_EQ(r.err, "err\n");
  EXPECT_EQ(bash(*sandbox, "cat <(echo a) <(echo b); echo c > >(cat); wait").out, "a\nb\nc\n");
}

// They are in no journal: a command that is answered from there leaves none.
TEST(OwnMounts, SharedMemoryEndsWithTheCommand) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  EXPECT_EQ(
      bash(*sandbox,
           "cd /dev/shm && mkdir -p a/b/c .d && echo x | tee a/b/c/f a/g .d/h i > /dev/null &&"
           "ln -s / l && mkfifo p && chmod 0 a/b/c a/b a && exec 9> held && rm held && ls -A")
          .out,
      ".d\na\ni\nl\np\n");
  EXPECT_EQ(bash(*sandbox, "ls -A /dev/shm").out, "");
  EXPECT_EQ(bash(*sandbox, "echo x > /dev/shm/again; cat /dev/shm/again").out, "x\n");
}

// Without a wait of a minute, as the connections of a machine would have.
TEST(OwnMounts, PortsAreFreeForTheNextSandbox) {
  const std::string serve =
      "import socket\n"
      "server = socket.socket()\n"
      "server.bind(('127.0.0.1', 80))\n"
      "server.listen()\n"
      "client = socket.create_connection(('localhost', 80))\n"
      "peer, _ = server.accept()\n"
      "peer.close()\n"  // first, so that its end would wait
      "print(client.recv(1))\n"
      "client.close()\n";
  for (int i = 0; i < 3; ++i) {
    auto sandbox = make();  // in the slot of the one before
    ASSERT_TRUE(sandbox);
    const Result r = python(*sandbox, serve);
    EXPECT_EQ(r.out, "b''\n") << r.err;
  }
}

TEST(OwnMounts, ProcIsOfTheSandbox) {
  std::string error;
  const auto sandbox = Container::create({}, &error);
  ASSERT_TRUE(sandbox) << error;
  if (sandbox->why_no_proc()) GTEST_SKIP() << "no /proc can be mounted here";
  EXPECT_EQ(bash(*sandbox, "echo /proc/[0-9]*; cat /proc/1/comm /proc/self/comm").out,
            "/proc/1 /proc/2\namalgam-sandbox\ncat\n");
  EXPECT_EQ(bash(*sandbox,
                 "cat /proc/keys /proc/interrupts; ls -A /proc/acpi /proc/scsi 2>&1 |"
                 "grep -v acpi:$ | grep -v 'No such'")
                .out,
            "");
  EXPECT_THAT(bash(*sandbox, "echo x > /proc/sys/kernel/hostname").err, HasSubstr("Read-only"));
}

// Run by the test below where /proc has a mount over it.
TEST(OwnMounts, DISABLED_Synthetic) {
  std::string error;
  const auto sandbox = Container::create({}, &error);
  ASSERT_TRUE(sandbox) << error;
  EXPECT_EQ(sandbox->why_no_proc(), EPERM);
  EXPECT_FALSE(probe().why_no_proc.empty());
  const Result r = bash(*sandbox,
                        "grep -c ^processor /proc/cpuinfo; free | wc -l; cat /proc/self/cgroup;"
                        "grep -c /work /proc/mounts; echo /proc/[0-9]*; echo x > /proc/stat");
  EXPECT_THAT(r.out, ::testing::MatchesRegex("[0-9]+\n3\n0::/\n1\n/proc/\\[0-9]\\*\n")) << r.err;
  EXPECT_THAT(r.err, HasSubstr("Read-only"));
}

// Docker covers parts of /proc; the kernel then lets no ordinary user mount a whole one.
TEST(OwnMounts, SyntheticProcWhereThereCanBeNoOther) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can cover a part of /proc";
  const pid_t child = fork();
  if (child == 0) {
    constexpr unsigned kNobody = 65534;
    if (unshare(CLONE_NEWNS) || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
        mount("/dev/null", "/proc/timer_list", nullptr, MS_BIND, nullptr) ||
        setgroups(0, nullptr) || setresgid(kNobody, kNobody, kNobody) ||
        setresuid(kNobody, kNobody, kNobody))
      _exit(99);
    execl("/proc/self/exe", "test_sandbox", "--gtest_filter=OwnMounts.DISABLED_Synthetic",
          "--gtest_also_run_disabled_tests", static_cast<char*>(nullptr));
    _exit(98);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace amalgam::sandbox
