#include "rewards/programs/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <thread>

#include "configs/check.h"
#include "configs/clock.h"
#include "configs/error.h"
#include "configs/log/log.h"

namespace amalgam::rewards {
namespace {

constexpr size_t kMaxLine = 1 << 20;

// Waits until the socket is ready for `events` (or broken); false when the deadline passes first.
bool wait_for(int socket, short events, Clock::time_point end) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return false;
    pollfd poll_fd{socket, events, 0};
    const int ready = ::poll(&poll_fd, 1, static_cast<int>(std::min<long long>(left + 1, 1 << 20)));
    if (ready > 0) return true;
    if (ready < 0) CHECK_EQ(errno, EINTR);
  }
}

std::vector<char*> pointers(std::vector<std::string>* strings) {
  std::vector<char*> result;
  for (std::string& text : *strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

ChildProcess::ChildProcess(const std::string& name, const std::vector<std::string>& argv,
                           const std::vector<std::string>& environment)
    : words_(log::child_pipe(log::Part::kReward, name)) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw Error(std::string("cannot make a socket: ") + std::strerror(errno));
  socket_ = ends[0];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
  for (const int output : {1, 2})
    posix_spawn_file_actions_adddup2(&actions, words_->child_end(), output);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  std::vector<std::string> arguments = argv, variables = environment;
  const int error = ::posix_spawn(&pid_, arguments[0].c_str(), &actions, &attributes,
                                  pointers(&arguments).data(), pointers(&variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  words_->close_child_end();
  if (error != 0) {
    ::close(socket_);
    throw Error("cannot start " + argv[0] + ": " + std::strerror(error));
  }
}

ChildProcess::~ChildProcess() {
  ::close(socket_);
  if (reaped_) return;
  ::kill(pid_, SIGTERM);
  if (reap(2)) return;
  ::kill(-pid_, SIGKILL);
  reap(3);
}

void ChildProcess::cancel() { ::shutdown(socket_, SHUT_RDWR); }

bool ChildProcess::reap(double deadline_seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(deadline_seconds);
  while (!reaped_) {
    const pid_t got = ::waitpid(pid_, &wait_status_, WNOHANG);
    if (got == pid_ || (got < 0 && errno == ECHILD)) {
      reaped_ = true;
    } else if (Clock::now() > end) {
      return false;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  return true;
}

ChildProcess::Outcome ChildProcess::call(const std::string& line, double deadline_seconds,
                                         std::string* reply) {
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(deadline_seconds));
  const std::string message = line.empty() ? "" : line + "\n";
  for (size_t sent = 0; sent < message.size();) {
    if (!wait_for(socket_, POLLOUT, end)) return Outcome::kTimeout;
    const ssize_t n =
        ::send(socket_, message.data() + sent, message.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
      sent += static_cast<size_t>(n);
    else if (errno != EAGAIN && errno != EINTR)
      return Outcome::kClosed;
  }
  for (;;) {
    const size_t line_end = buffered_.find('\n');
    if (line_end != std::string::npos) {
      *reply = buffered_.substr(0, line_end);
      buffered_.erase(0, line_end + 1);
      return Outcome::kOk;
    }
    if (buffered_.size() > kMaxLine) return Outcome::kClosed;
    if (!wait_for(socket_, POLLIN, end)) return Outcome::kTimeout;
    char chunk[4096];
    const ssize_t n = ::recv(socket_, chunk, sizeof chunk, MSG_DONTWAIT);
    if (n > 0)
      buffered_.append(chunk, static_cast<size_t>(n));
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
      return Outcome::kClosed;
  }
}

std::string ChildProcess::how_it_ended() {
  if (!reap(1)) return "it closed its connection";
  if (WIFSIGNALED(wait_status_)) return "signal " + std::to_string(WTERMSIG(wait_status_));
  return "exit code " + std::to_string(WEXITSTATUS(wait_status_));
}

}  // namespace amalgam::rewards
