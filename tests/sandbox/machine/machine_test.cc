// Sandboxes in virtual machines. Where there is no KVM each boot takes some seconds of CPU time, so
// a test does all that it can in one machine.
#include "sandbox/machine/machine.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <future>
#include <thread>

#include "sandbox/container/kvm.h"
#include "sandbox/container/launcher.h"
#include "tests/eventually.h"
#include "tests/paths.h"
#include "tests/sandbox/container/outcome_cases.h"
#include "tests/sandbox/test_files.h"

namespace amalgam::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace fs = std::filesystem;

// Emulation needs 10 to 30 times the CPU time, and the machine may be busy.
constexpr double kCpuSeconds = 4, kWallSeconds = 240;

Limits machine_limits() {
  Limits limits = outcome_case_limits(kCpuSeconds);
  limits.wall_seconds = kWallSeconds;
  limits.memory_bytes = 96 << 20;
  return limits;
}

class MachineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string why = why_no_machines();
    if (!why.empty()) GTEST_SKIP() << why;
  }

  // What machines boot is the same for all tests, and costly to make.
  static std::string store_folder() {
    const fs::path build = fs::path(tests::kBinary).parent_path();
    static const TempDir own;
    return access(build.c_str(), W_OK) == 0 ? (build / "test_images").string() : own / "images";
  }

  static std::unique_ptr<Machine> boot(MachineType type, const Limits& limits = machine_limits()) {
    ImageStore store(store_folder());
    std::string error;
    auto machine = Machine::boot(type, limits, &store, &error);
    EXPECT_NE(machine, nullptr) << error;
    return machine;
  }
};

// The processes below this one that run QEMU.
std::vector<pid_t> qemu_processes() {
  std::vector<pid_t> found, level = {getpid()};
  for (size_t i = 0; i < level.size(); ++i) {
    const std::string proc = "/proc/" + std::to_string(level[i]);
    std::ifstream name(proc + "/comm");
    std::string comm;
    std::getline(name, comm);
    if (comm.starts_with("qemu")) found.push_back(level[i]);
    std::error_code ignored;
    for (const auto& task : fs::directory_iterator(proc + "/task", ignored)) {
      std::ifstream children(task.path() / "children");
      for (pid_t child; children >> child;) level.push_back(child);
    }
  }
  return found;
}

class EachMachineTest : public MachineTest, public ::testing::WithParamInterface<MachineType> {};

TEST_P(EachMachineTest, IsASandboxLikeAContainer) {
  auto machine = boot(GetParam());
  ASSERT_TRUE(machine);
  expect_outcome_cases(*machine);

  const Result hello = python(*machine, "import sys\nprint('out')\nprint('err', file=sys.stderr)");
  EXPECT_EQ(hello.outcome, Outcome::kOk) << hello.err << hello.detail;
  EXPECT_EQ(hello.out, "out\n");
  EXPECT_EQ(hello.err, "err\n");
  EXPECT_GT(hello.cpu_seconds, 0);
  EXPECT_LT(hello.cpu_seconds, kCpuSeconds) << "each command has its own account";
  EXPECT_GT(hello.wall_seconds, 0);
  EXPECT_GT(hello.peak_memory_bytes, 1 << 20);

  Command command{{"/bin/sh", "-c", "pwd; echo $A; cat; id -u; uname -r"}, "from stdin\n"};
  ASSERT_EQ(machine->put_file("folder/file", "x").outcome, Outcome::kOk);
  command.working_directory = "folder";
  command.environment = {"A=1"};
  const Result told = machine->exec(command);
  EXPECT_THAT(told.out, StartsWith("/work/folder\n1\nfrom stdin\n1000\n")) << told.err;

  std::string content;
  EXPECT_EQ(machine->get_file("folder/file", &content).outcome, Outcome::kOk);
  EXPECT_EQ(content, "x");
  const std::string large(3 << 20, 'y');
  EXPECT_EQ(machine->put_file("large", large).outcome, Outcome::kOk);
  EXPECT_EQ(machine->get_file("large", &content).outcome, Outcome::kOk);
  EXPECT_TRUE(content == large);
  EXPECT_EQ(machine->put_file("larger", std::string(5 << 20, 'y')).outcome, Outcome::kDiskLimit);
  EXPECT_EQ(machine->put_file("../x", "x").outcome, Outcome::kDenied);
  EXPECT_EQ(machine->get_file("missing", &content).outcome, Outcome::kExit);
}
INSTANTIATE_TEST_SUITE_P(Types, EachMachineTest,
                         ::testing::Values(MachineType::kMicrovm, MachineType::kPc),
                         [](const auto& type) {
                           return type.param == MachineType::kMicrovm ? "microvm" : "vm";
                         });

TEST_F(MachineTest, StdinCancelAndWallClock) {
  Limits limits = machine_limits();
  limits.output_bytes = 1 << 20;
  auto machine = boot(MachineType::kMicrovm, limits);
  ASSERT_TRUE(machine);

  expect_stdin_is_fed(*machine);

  // A program that does not read what it is given harms nobody.
  const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  Command command{{"/bin/sh", "-c", "exit 3"}};
  command.stdin_fd = zero;
  EXPECT_EQ(machine->exec(command).exit_code, 3);
  close(zero);

  EXPECT_FALSE(machine->cancel(1)) << "nothing runs";
  auto running = std::async(std::launch::async, [&] {
    return shell(*machine, "trap '' TERM; echo begun; sleep 200 & sleep 200");
  });
  usleep(1'500'000);
  EXPECT_TRUE(eventually([&] { return machine->cancel(60); }));
  const Result cancelled = running.get();
  EXPECT_EQ(cancelled.outcome, Outcome::kCancelled) << to_string(cancelled.outcome);
  EXPECT_LT(cancelled.wall_seconds, 150);
  EXPECT_EQ(shell(*machine, "echo again").out, "again\n");
}

TEST_F(MachineTest, WallClockStopsASleeper) {
  Limits limits = machine_limits();
  limits.wall_seconds = 3;
  auto machine = boot(MachineType::kMicrovm, limits);
  ASSERT_TRUE(machine);
  const Result r = shell(*machine, "trap '' TERM INT HUP; sleep 1000");
  EXPECT_EQ(r.outcome, Outcome::kTimeout) << r.detail;
  EXPECT_EQ(r.exit_code, 128 + 9);
  EXPECT_GE(r.wall_seconds, 3);
  EXPECT_LT(r.wall_seconds, 100);
}

// What guest code does to its machine, its owner and its neighbours.
TEST_F(MachineTest, AttacksAreContained) {
  auto machine = boot(MachineType::kMicrovm);
  ASSERT_TRUE(machine);
  const auto expect = [&](const Result& r, const std::vector<Outcome>& allowed) {
    EXPECT_THAT(allowed, ::testing::Contains(r.outcome))
        << to_string(r.outcome) << r.out << r.err << r.detail;
    const Result next = shell(*machine, "echo alive");
    EXPECT_EQ(next.out, "alive\n") << to_string(next.outcome) << next.detail;
  };
  expect(shell(*machine, "f() { f | f & f; }; f"),
         {Outcome::kProcessLimit, Outcome::kTimeout, Outcome::kExit});
  expect(python(*machine, "x=[]\nwhile True: x.append(bytearray(1<<22))"), {Outcome::kMemory});
  expect(shell(*machine, "while :; do echo flood; done"), {Outcome::kOutputLimit});
  expect(shell(*machine, "cat /dev/zero >&2"), {Outcome::kOutputLimit});
  expect(shell(*machine, "kill -9 1; kill -9 -1; exit 5"), {Outcome::kExit, Outcome::kSignal});
  // The port, the other devices, the kernel's files, network, and ways to end the machine.
  const Result devices = python(*machine, R"(
import ctypes, os, socket, stat
found = sorted(set(os.listdir('/dev')) - {'null', 'pts', 'zero', 'urandom', 'random', 'full', 'tty',
                                          'ptmx', 'shm', 'fd', 'stdin', 'stdout', 'stderr'})
for major in (1, 4, 10, 229, 248, 249, 250):
  for minor in (0, 1, 2):
    try: os.mknod(f'd{major}.{minor}', 0o666 | stat.S_IFCHR, os.makedev(major, minor)); found.append('mknod')
    except OSError: pass
found += [p for p in os.listdir('/proc') if p.isdigit() and p not in ('1', str(os.getpid()))]
for path in ('/proc/sysrq-trigger', '/proc/sys/kernel/sysrq', '/proc/sys/vm/panic_on_oom'):
  try: open(path, 'w').close(); found.append(path)
  except OSError: pass
for path in ('/proc/1/root/init', '/sys', '/modules', '/init', '/root', '/layers'):
  if os.path.exists(path): found.append(path)
libc = ctypes.CDLL(None, use_errno=True)
for magic in (0x01234567, 0x4321fedc, 0xcdef0123): found += ['reboot'] * (libc.reboot(magic) == 0)
if libc.mount(b'x', b'/work', b'devtmpfs', 0, None) == 0: found.append('mount')
for call in (169, 175, 246, 272, 313, 321): found += [call] * (libc.syscall(call, 0, 0, 0, 0) == 0)
try: socket.create_connection(('10.0.2.2', 80), 1); found.append('network')
except OSError: pass
print(found)
)");
  EXPECT_EQ(devices.out, "[]\n") << devices.err << devices.detail;
  expect(devices, {Outcome::kOk});
}

TEST_F(MachineTest, KilledDuringACommandIsAFailureAndLeavesNothing) {
  auto machine = boot(MachineType::kMicrovm);
  ASSERT_TRUE(machine);
  ASSERT_EQ(qemu_processes().size(), 1u);
  std::thread killer([] {
    usleep(1'000'000);
    for (const pid_t pid : qemu_processes()) kill(pid, SIGKILL);
  });
  const Result r = shell(*machine, "echo begun; sleep 200");
  killer.join();
  EXPECT_EQ(r.outcome, Outcome::kSandboxFailed) << to_string(r.outcome);
  EXPECT_THAT(r.detail, HasSubstr("ended"));
  EXPECT_LT(r.wall_seconds, 60);
  EXPECT_TRUE(eventually([] { return qemu_processes().empty(); }));
  EXPECT_EQ(shell(*machine, "echo no").outcome, Outcome::kSandboxFailed);
  EXPECT_EQ(machine->put_file("x", "x").outcome, Outcome::kSandboxFailed);
  machine.reset();
  // Other processes' files may be there.
  for (const auto& entry : fs::directory_iterator(store_folder() + "/tmp"))
    EXPECT_FALSE(entry.path().filename().string().starts_with(std::to_string(getpid()) + "-"))
        << entry.path() << " is left";

  auto next = boot(MachineType::kMicrovm);
  ASSERT_TRUE(next);
  EXPECT_EQ(qemu_processes().size(), 1u);
  next.reset();
  EXPECT_TRUE(eventually([] { return qemu_processes().empty(); })) << "QEMU outlives its sandbox";
}

// Python in the place of QEMU, as the guest of a hostile machine.
std::unique_ptr<Machine> fake(const std::string& code, std::string* error) {
  const std::string preamble =
      "import os, struct, time\n"
      "early = False\n"
      "def send(tag, payload=b'', magic=0x4d4c4741, size=None):\n"
      "  size = len(payload) if size is None else size\n"
      "  message = struct.pack('<IIqq', magic, tag, 0, size) + payload\n"
      "  os.write(1, struct.pack('<IIqq', 0x4d4c4741, READY, 0, 0) * early + message)\n"
      "def end():\n"
      "  if early: send(READY)\n"
      "  os._exit(0)\n"
      "READY, DONE = " +
      std::to_string(static_cast<int>(wire::Tag::kReady)) + ", " +
      std::to_string(static_cast<int>(wire::Tag::kDone)) + "\n";
  Limits limits;
  limits.cpu_seconds = 30;
  return Machine::start({"/usr/bin/python3", "-I", "-S", "-c", preamble + code}, 256 << 20, "",
                        SlotDevices::kNone, limits, error);
}

TEST(HostileMachine, GarbageIsAFailureOfTheSandbox) {
  const char* const answers[] = {
      "send(DONE, b'garbage' * 100)",  // no message
      "send(DONE, magic=1)",           //
      "send(DONE, size=1 << 60)",      // a length that must not be believed
      "send(DONE, size=-1)",           //
      "send(DONE, b'short')",          // no result
      "send(DONE, struct.pack('<qqqdd', 99, 0, 0, 0, 0) + bytes(24))",     // an unknown outcome
      "send(DONE, struct.pack('<qqqdd', 0, 0, 0, 0, 0) + b'\\xff' * 24)",  // texts beyond the end
      "send(DONE, struct.pack('<qqqdd', 0, 0, 0, 0, 0) + bytes(24) + b'more')",
      "send(READY)",  // out of turn
      "send(77)",     //
      "end()",        // the end
  };
  // When the command came, or before that, together with the message that the guest is ready.
  for (const char* when : {"send(READY)\nos.read(0, 4096)\n", "early = True\n"})
    for (const char* answer : answers) {
      std::string error;
      auto machine =
          fake(std::string("os.read(0, 4096)\n") + when + answer + "\ntime.sleep(600)", &error);
      ASSERT_TRUE(machine) << error;
      const Result r = shell(*machine, "echo hello");
      EXPECT_EQ(r.outcome, Outcome::kSandboxFailed) << answer;
      EXPECT_NE(r.detail, "") << answer;
      EXPECT_LT(r.wall_seconds, 30) << answer;
      EXPECT_EQ(shell(*machine, "echo hello").outcome, Outcome::kSandboxFailed) << answer;
    }
}

TEST(HostileMachine, ThatDoesNotStartSaysWhy) {
  std::string error;
  EXPECT_EQ(fake("os.write(2, b'first\\nno such kernel\\n'); os._exit(1)", &error), nullptr);
  EXPECT_EQ(error, "a virtual machine ended at its start: no such kernel");
}

// A whole, right answer is taken: the tests above fail for their own reasons.
TEST(HostileMachine, ThatAnswersWellIsBelieved) {
  std::string error;
  auto machine = fake(
      "os.read(0, 4096)\nsend(READY)\nos.read(0, 4096)\n"
      "send(DONE, struct.pack('<qqqdd', 1, 7, 0, 0, 0) + bytes(24))\ntime.sleep(600)",
      &error);
  ASSERT_TRUE(machine) << error;
  const Result r = shell(*machine, "echo hello");
  EXPECT_EQ(r.outcome, Outcome::kExit) << r.detail;
  EXPECT_EQ(r.exit_code, 7);
}

TEST(Kvm, SaysWhyItCannotBeUsed) {
  EXPECT_THAT(why_no_kvm("/nonexistent/kvm"), HasSubstr("No such file"));
  EXPECT_THAT(why_no_kvm("/dev/null"), HasSubstr("/dev/null: "));
}

}  // namespace
}  // namespace amalgam::sandbox
