#include "pipeline/sandbox_commands/raw_terminal.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "configs/error.h"

namespace amalgam::pipeline {
namespace {

[[noreturn]] void restore_at_end(int terminal, int alive, const termios& settings) {
  // Away from the terminal's signals, and from what this process holds: sandboxes end when its
  // descriptors are closed.
  setsid();
  if (dup2(terminal, 0) < 0 || dup2(alive, 1) < 0) _exit(1);
  close_range(2, ~0U, 0);
  char byte;
  while (read(1, &byte, 1) < 0 && errno == EINTR) {
  }
  tcsetattr(0, TCSANOW, &settings);
  _exit(0);
}

}  // namespace

RawTerminal::RawTerminal(int terminal) {
  termios settings;
  int fds[2];
  const auto fail = [] {
    throw Error(std::string("cannot set up the terminal: ") + std::strerror(errno));
  };
  if (tcgetattr(terminal, &settings) || pipe2(fds, O_CLOEXEC)) fail();
  const sandbox::Fd waiting(fds[0]);
  alive_ = sandbox::Fd(fds[1]);
  restorer_ = fork();
  if (restorer_ < 0) fail();
  if (restorer_ == 0) restore_at_end(terminal, waiting.get(), settings);
  termios raw = settings;
  cfmakeraw(&raw);
  if (tcsetattr(terminal, TCSADRAIN, &raw)) fail();
}

RawTerminal::~RawTerminal() {
  alive_ = sandbox::Fd();
  while (waitpid(restorer_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace amalgam::pipeline
