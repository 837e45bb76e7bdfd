// Each limit, attacked by code that tries to break it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/clock.h"
#include "tests/sandbox/fixture.h"

namespace amalgam::sandbox {
namespace {

using ::testing::HasSubstr;

Limits with_cpu(double cpu_seconds) {
  Limits limits;
  limits.cpu_seconds = cpu_seconds;
  limits.wall_seconds = 60;
  return limits;
}

TEST(CpuLimit, StopsABurner) {
  auto sandbox = make(with_cpu(0.3));
  ASSERT_TRUE(sandbox);
  const Result r = python(*sandbox, "print('start', flush=True)\nwhile True: pass");
  EXPECT_EQ(r.outcome, Outcome::kTimeout) << r.detail;
  EXPECT_FALSE(r.hit_wall_limit);
  EXPECT_EQ(r.out, "start\n");
  EXPECT_GE(r.cpu_seconds, 0.3);
  EXPECT_LT(r.cpu_seconds, 1.0);
  // The sandbox goes on, with a fresh allowance.
  EXPECT_EQ(shell(*sandbox, "echo again").out, "again\n");
}

TEST(CpuLimit, CountsAllProcessesTogether) {
  auto sandbox = make(with_cpu(0.4));
  ASSERT_TRUE(sandbox);
  // Four processes, none of which reaches the limit alone.
  const Result r = python(*sandbox,
                          "import os,time\n"
                          "for i in range(4):\n"
                          "  if os.fork()==0:\n"
                          "    while time.process_time()<0.2: pass\n"
                          "    os._exit(0)\n"
                          "for i in range(4): os.wait()\n"
                          "print('done')");
  EXPECT_EQ(r.outcome, Outcome::kTimeout) << r.out << r.err << r.cpu_seconds;
}

TEST(CpuLimit, CountsChildrenThatNobodyWaitsFor) {
  if (!has_cgroup("cpu")) GTEST_SKIP() << "needs a cpu cgroup: unreaped children's time is lost";
  auto sandbox = make(with_cpu(0.4));
  ASSERT_TRUE(sandbox);
  const Result r = python(*sandbox,
                          "import os,time,signal\n"
                          "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
                          "for i in range(8):\n"
                          "  if os.fork()==0:\n"
                          "    while time.process_time()<0.1: pass\n"
                          "    os._exit(0)\n"
                          "  try: os.wait()\n"
                          "  except ChildProcessError: pass\n");
  EXPECT_EQ(r.outcome, Outcome::kTimeout) << r.cpu_seconds;
}

TEST(CpuLimit, CannotBeIgnored) {
  auto sandbox = make(with_cpu(0.3));
  ASSERT_TRUE(sandbox);
  const Result r = python(*sandbox,
                          "import signal\n"
                          "for s in range(1,65):\n"
                          "  try: signal.signal(s, signal.SIG_IGN)\n"
                          "  except (OSError, ValueError): pass\n"
                          "while True: pass");
  EXPECT_EQ(r.outcome, Outcome::kTimeout);
}

TEST(CpuLimit, MeasuresWhatAProgramUsed) {
  auto sandbox = make(with_cpu(5));
  ASSERT_TRUE(sandbox);
  const Result r = python(*sandbox, "import time\nwhile time.process_time()<0.25: pass");
  EXPECT_EQ(r.outcome, Outcome::kOk);
  EXPECT_GE(r.cpu_seconds, 0.24);
  EXPECT_LT(r.cpu_seconds, 1.0);
  EXPECT_LT(shell(*sandbox, ":").cpu_seconds, 0.1) << "each command has its own account";
}

TEST(WallLimit, StopsASleeper) {
  Limits limits;
  limits.wall_seconds = 0.5;
  auto sandbox = make(limits);
  ASSERT_TRUE(sandbox);
  for (const char* script : {"trap '' TERM INT HUP; sleep 100", "kill -STOP $$"}) {
    const auto begin = Clock::now();
    const Result r = shell(*sandbox, script);
    EXPECT_EQ(r.outcome, Outcome::kTimeout) << script;
    EXPECT_TRUE(r.hit_wall_limit);
    EXPECT_GE(seconds_since(begin), 0.5);
    EXPECT_LT(seconds_since(begin), 10);
  }
}

TEST(ProcessLimit, BoundsAForkBomb) {
  auto sandbox = make(with_cpu(1));
  ASSERT_TRUE(sandbox);
  const Result counted = python(*sandbox,
                                "import os,time\n"
                                "n=1\n"
                                "try:\n"
                                "  while n<1000:\n"
                                "    if os.fork()==0: time.sleep(50); os._exit(0)\n"
                                "    n+=1\n"
                                "except OSError: pass\n"
                                "print(n)");
  EXPECT_EQ(counted.outcome, Outcome::kOk) << counted.err;
  EXPECT_EQ(counted.out, "16\n") << counted.err;
  // All children bomb too.
  const Result bomb = python(*sandbox,
                             "import os\n"
                             "while True:\n"
                             "  try: os.fork()\n"
                             "  except OSError: pass\n");
  EXPECT_EQ(bomb.outcome, Outcome::kProcessLimit) << to_string(bomb.outcome) << bomb.detail;
  EXPECT_EQ(shell(*sandbox, "sleep 0 & wait; echo fine").out, "fine\n");
}

TEST(ProcessLimit, CountsThreads) {
  Limits limits;
  limits.memory_bytes = int64_t{4}
                        << 30;  // as RLIMIT_AS it has to hold each thread's stack and heap
  auto sandbox = make(limits);
  ASSERT_TRUE(sandbox);
  const Result r =
      python(*sandbox,
             "import threading,time\n"
             "n=1\n"
             "try:\n"
             "  while n<1000:\n"
             "    threading.Thread(target=time.sleep,args=(20,),daemon=True).start(); n+=1\n"
             "except RuntimeError: pass\n"
             "print(n)");
  EXPECT_EQ(r.out, "16\n") << r.err;
}

Limits with_memory(int64_t mib) {
  Limits limits = with_cpu(10);
  limits.memory_bytes = mib << 20;
  return limits;
}

TEST(MemoryLimit, StopsAHog) {
  auto sandbox = make(with_memory(64));
  ASSERT_TRUE(sandbox);
  const Result r = python(*sandbox, "x=[]\nwhile True: x.append(bytearray(1<<20))");
  if (has_cgroup("memory")) {
    EXPECT_EQ(r.outcome, Outcome::kMemory) << r.err;
  } else if (r.outcome != Outcome::kMemory) {  // the owner saw it before the program met RLIMIT_AS
    EXPECT_EQ(r.outcome, Outcome::kExit);
    EXPECT_THAT(r.err, HasSubstr("MemoryError"));
  }
  EXPECT_EQ(shell(*sandbox, "echo again").out, "again\n");
  EXPECT_EQ(python(*sandbox, "x=bytearray(16<<20)\nprint(len(x))").out, "16777216\n");
}

TEST(MemoryLimit, CountsAllProcessesTogether) {
  auto sandbox = make(with_memory(96));
  ASSERT_TRUE(sandbox);
  // No process alone is near the limit, and the first one outlives its children. Without a
  // cgroup, which kills some of them, they stay until the owner has seen them together.
  const std::string held_seconds = has_cgroup("memory") ? "3" : "30";
  const Result r = python(*sandbox,
                          "import os,time\n"
                          "for i in range(8):\n"
                          "  if os.fork()==0:\n"
                          "    x=bytearray(os.urandom(1<<20)*20)\n"
                          "    time.sleep(" +
                              held_seconds +
                              ")\n"
                              "    os._exit(0)\n"
                              "for i in range(8): os.wait()\n");
  EXPECT_EQ(r.outcome, Outcome::kMemory) << r.err;
}

TEST(MemoryLimit, CountsFilesInMemory) {
  if (!has_cgroup("memory")) GTEST_SKIP() << "needs a memory cgroup";
  auto sandbox = make(with_memory(48));
  ASSERT_TRUE(sandbox);
  const Result r = python(*sandbox,
                          "import os\n"
                          "fds=[os.memfd_create('x') for i in range(64)]\n"
                          "for f in fds: os.write(f, bytes(8<<20))\n"
                          "print('all written')");
  EXPECT_EQ(r.outcome, Outcome::kMemory) << r.out << r.err;
}

// The kernel's choice of a victim falls on our own processes when the hostile ones are smaller.
TEST(MemoryLimit, IsTheCommandsFaultEvenIfItTakesTheSandboxDown) {
  if (!has_cgroup("memory")) GTEST_SKIP() << "needs a memory cgroup";
  Limits limits = with_memory(32);
  limits.disk_bytes = 256 << 20;
  auto sandbox = make(limits);
  ASSERT_TRUE(sandbox);
  const Result r = shell(*sandbox, "while :; do cat /dev/zero >> fill; done");
  EXPECT_EQ(r.outcome, Outcome::kMemory) << to_string(r.outcome) << r.detail;
  // Alive or not, it never becomes a failure of the infrastructure.
  const Result again = shell(*sandbox, "cat /dev/zero >> fill");
  EXPECT_EQ(again.outcome, Outcome::kMemory);
  EXPECT_EQ(again.exit_code, 128 + 9);
  auto next = make(limits);
  ASSERT_TRUE(next);
  EXPECT_EQ(shell(*next, "echo fine").out, "fine\n");
}

TEST(MemoryLimit, IsFreshForTheNextSandboxOfTheSameSlot) {
  Limits large = with_memory(256), small = with_memory(32);
  large.disk_bytes = 128 << 20;
  for (int i = 0; i < 10; ++i) {
    auto filler = make(large);
    ASSERT_TRUE(filler);
    EXPECT_EQ(shell(*filler, "head -c 100000000 /dev/zero > fill; echo $?").out, "0\n");
    filler.reset();
    auto next = make(small);
    ASSERT_TRUE(next);
    EXPECT_EQ(shell(*next, "echo fine").out, "fine\n");
  }
}

TEST(OutputLimit, StopsAFlood) {
  Limits limits = with_cpu(5);
  limits.output_bytes = 10'000;
  auto sandbox = make(limits);
  ASSERT_TRUE(sandbox);
  const Result out = shell(*sandbox, "echo note >&2; while :; do echo flood; done");
  EXPECT_EQ(out.outcome, Outcome::kOutputLimit);
  EXPECT_EQ(out.out.size(), 10'000u);
  EXPECT_EQ(out.err, "note\n");
  const Result err = shell(*sandbox, "while :; do echo flood; done >&2");
  EXPECT_EQ(err.outcome, Outcome::kOutputLimit);
  EXPECT_EQ(err.err.size(), 10'000u);
}

TEST(OutputLimit, IsExact) {
  Limits limits;
  limits.output_bytes = 70'000;  // more than a pipe holds
  auto sandbox = make(limits);
  ASSERT_TRUE(sandbox);
  const Result full = shell(*sandbox, "head -c 70000 /dev/zero; head -c 70000 /dev/zero >&2");
  EXPECT_EQ(full.outcome, Outcome::kOk);
  EXPECT_EQ(full.out.size(), 70'000u);
  EXPECT_EQ(full.err.size(), 70'000u);
  const Result over = shell(*sandbox, "head -c 70001 /dev/zero");
  EXPECT_EQ(over.outcome, Outcome::kOutputLimit);
  EXPECT_EQ(over.out.size(), 70'000u);
}

TEST(DiskLimit, IsEnforced) {
  Limits limits = with_cpu(10);
  limits.disk_bytes = 4 << 20;
  auto sandbox = make(limits);
  ASSERT_TRUE(sandbox);
  const Result r =
      python(*sandbox,
             "import os\n"
             "total=0\n"
             "try:\n"
             "  for i in range(100):\n"
             "    with open(f'f{i}','wb',buffering=0) as f: total+=f.write(bytes(1<<20))\n"
             "except OSError as e: print(e.errno)\n"
             "print(total <= 4<<20)\n");
  EXPECT_EQ(r.out, "28\nTrue\n") << r.err;
  // A full disk is the sandboxed code's doing, seen by put_file as well.
  const Result put = sandbox->put_file("more", std::string(100'000, 'x'));
  EXPECT_EQ(put.outcome, Outcome::kDiskLimit);
  EXPECT_EQ(put.exit_code, 1);
  EXPECT_EQ(shell(*sandbox, "rm -f f*; echo ok > small; cat small").out, "ok\n");
}

TEST(DiskLimit, CountsEmptyAndSparseFiles) {
  Limits limits = with_cpu(10);
  limits.disk_bytes = 4 << 20;
  auto sandbox = make(limits);
  ASSERT_TRUE(sandbox);
  const Result many = python(*sandbox,
                             "n=0\n"
                             "try:\n"
                             "  while n<100000: open(f'e{n}','w').close(); n+=1\n"
                             "except OSError as e: print(e.errno, n<2000)\n");
  EXPECT_EQ(many.out, "28 True\n") << many.err;
  EXPECT_EQ(shell(*sandbox, "rm -f e*; truncate -s 1T sparse 2>/dev/null; echo $?").out, "153\n");
}

TEST(Leftovers, NoProcessOutlivesItsCommand) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const auto begin = Clock::now();
  // Daemons: double fork, a session of their own, all signals ignored, our pipes held open. They
  // write some time after the command's end, and are dead by then.
  const Result r = python(*sandbox,
                          "import os,signal,time\n"
                          "command=os.getpid()\n"
                          "for i in range(3):\n"
                          "  if os.fork()==0:\n"
                          "    os.setsid()\n"
                          "    if os.fork(): os._exit(0)\n"
                          "    for s in (1,2,3,13,15): signal.signal(s, signal.SIG_IGN)\n"
                          "    try:\n"
                          "      while not os.kill(command,0): time.sleep(0.01)\n"
                          "    except ProcessLookupError: time.sleep(0.3)\n"
                          "    open('alive','w').write('x')\n"
                          "    time.sleep(30)\n"
                          "os.wait()\n"
                          "print('parent done')");
  EXPECT_EQ(r.outcome, Outcome::kOk) << r.err;
  EXPECT_EQ(r.out, "parent done\n");
  EXPECT_LT(seconds_since(begin), 10);
  const Result after = shell(*sandbox, "sleep 0.6; ls; kill -9 -1");
  EXPECT_EQ(after.out, "main.py\n") << "a daemon lived on and wrote its file";
}

}  // namespace
}  // namespace amalgam::sandbox
