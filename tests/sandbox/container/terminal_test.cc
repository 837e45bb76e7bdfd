// A terminal inside a sandbox: what shells need of it works, and it leads nowhere else.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <thread>

#include "sandbox/files/fd.h"
#include "tests/sandbox/images/image_fixture.h"

namespace amalgam::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Terminal : public ImageTest {
 protected:
  // What is shown when this is typed to a command that shows "ready".
  std::string show(const Image& image, const std::string& typed, std::vector<std::string> argv,
                   const Limits& limits = {}) {
    std::string error;
    const auto sandbox = create_with_terminal(limits, image, &error);
    EXPECT_NE(sandbox, nullptr) << error;
    if (!sandbox) return "";
    const winsize size{33, 77, 0, 0};
    EXPECT_EQ(ioctl(sandbox->terminal(), TIOCSWINSZ, &size), 0);
    int in[2], out[2];
    EXPECT_EQ(pipe(in) + pipe(out), 0);
    const Fd in_end(in[0]), out_end(out[0]);
    std::string shown;
    std::thread reader([&] {
      char buffer[4096];
      for (ssize_t n; (n = read(out_end.get(), buffer, sizeof buffer)) > 0;) {
        shown.append(buffer, static_cast<size_t>(n));
        if (in[1] < 0 || shown.find("ready") == std::string::npos) continue;
        EXPECT_EQ(write(in[1], typed.data(), typed.size()), static_cast<ssize_t>(typed.size()));
        close(in[1]);
        in[1] = -1;
      }
    });
    Command command{std::move(argv)};
    command.is_on_terminal = true;
    command.stdin_fd = in_end.get();
    command.out_fd = out[1];
    result_ = sandbox->exec(command);
    close(out[1]);
    reader.join();
    if (in[1] >= 0) close(in[1]);
    return shown;
  }
  Result result_;
};

TEST_F(Terminal, IsOne) {
  for (const Image& image : {Image{}, *base_}) {
    const std::string shown =
        show(image, "test -t 0 && test -t 2 && stty size; tty; echo sum $((40 + 2))\nexit 3\n",
             {"/bin/sh", "-c", "echo ready; exec sh -i"});
    EXPECT_THAT(shown, HasSubstr("33 77\r\n/dev/pts/0\r\nsum 42\r\n")) << result_.detail;
    EXPECT_EQ(result_.exit_code, 3);
    EXPECT_EQ(result_.outcome, Outcome::kExit);
    EXPECT_EQ(result_.out, "");
  }
}

TEST_F(Terminal, ControlKeysAreSignals) {
  const std::string shown = show({}, "\x03",
                                 {"/bin/sh", "-c",
                                  "trap 'echo got; exit 5' INT; echo ready; "
                                  "while :; do sleep 0.05; done"});
  EXPECT_THAT(shown, HasSubstr("got\r\n"));
  EXPECT_EQ(result_.exit_code, 5);
}

TEST_F(Terminal, LimitsHold) {
  Limits limits;
  limits.output_bytes = 10'000;
  EXPECT_EQ(show({}, "", {"/bin/sh", "-c", "while :; do echo flood; done"}, limits).size(),
            10'000u);
  EXPECT_EQ(result_.outcome, Outcome::kOutputLimit);
  limits.wall_seconds = 0.3;
  show({}, "", {"/bin/sh", "-c", "trap '' HUP INT TERM; sleep 100"}, limits);
  EXPECT_EQ(result_.outcome, Outcome::kTimeout);
}

// All output arrives, also what is written just before the end.
TEST_F(Terminal, NothingIsLostAtTheEnd) {
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(show({}, "", {"/bin/sh", "-c", "printf %03000d 7; exec /bin/echo end"}).size(),
              3005u);
}

TEST_F(Terminal, LeadsNowhereElse) {
  const std::string shown = show({}, "", {"/usr/bin/python3", "-S", "-c", R"(
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for request in (0x5412, 0x541c, 0x5453, 0x5431, 0x80045430, 0x5441, 0x4b33, 0x5422, 0x5423):
    for upper in (0, 1 << 32):
        if libc.syscall(16, 0, ctypes.c_long(request | upper), b'x' * 64) >= 0:
            print('ESCAPED ioctl %x' % request)
for path in ('/dev/pts/1', '/dev/console', '/dev/tty0'):
    try:
        os.open(path, os.O_RDWR | os.O_NOCTTY)
        print('ESCAPED', path)
    except OSError:
        pass
print(sorted(os.listdir('/dev/pts')), 'end')
)"});
  EXPECT_THAT(shown, Not(HasSubstr("ESCAPED")));
  EXPECT_THAT(shown, HasSubstr("['0', 'ptmx'] end\r\n")) << result_.detail << result_.err;
}

TEST_F(Terminal, ServesOneCommandAndOnlyWhereThereIsOne) {
  std::string error;
  const auto sandbox = create_with_terminal({}, {}, &error);
  ASSERT_TRUE(sandbox) << error;
  const Fd null(open("/dev/null", O_RDWR));
  Command command{{"/bin/sh", "-c", "exit 4"}};
  command.is_on_terminal = true;
  command.stdin_fd = command.out_fd = null.get();
  EXPECT_EQ(sandbox->exec(command).exit_code, 4);
  EXPECT_EQ(sandbox->exec(command).outcome, Outcome::kSandboxFailed);
  EXPECT_EQ(make()->exec(command).outcome, Outcome::kSandboxFailed);
}

// A reader that waits does not hold up the limits, and one that goes away is no fault.
TEST_F(Terminal, OutputGoesElsewhere) {
  const auto sandbox = make();
  int out[2];
  ASSERT_EQ(pipe(out), 0);
  const Fd reader(out[0]);
  Command command{{"/bin/sh", "-c", "echo out; echo err >&2"}};
  command.out_fd = out[1];
  const Result r = sandbox->exec(command);
  EXPECT_EQ(r.out, "");
  EXPECT_EQ(r.err, "err\n");
  char buffer[100];
  EXPECT_EQ(read(out[0], buffer, sizeof buffer), 4);

  Limits limits;
  limits.cpu_seconds = 0.3;
  const auto limited = make(limits);
  command.argv = {"/bin/sh", "-c", "printf %0100000d 1; while :; do :; done"};
  EXPECT_EQ(limited->exec(command).outcome, Outcome::kTimeout);
  close(out[1]);
}

}  // namespace
}  // namespace amalgam::sandbox
