#include "pipeline/workers/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "configs/check.h"
#include "configs/error.h"
#include "configs/log/log.h"
#include "sandbox/files/fd.h"

extern char** environ;

namespace amalgam::pipeline {
namespace {

constexpr int kLeaveMs = 1000, kLeaveLookMs = 20;
constexpr size_t kKeyBytes = 32, kNumKeys = 3;

}  // namespace

WorkerProcess::WorkerProcess(const std::string& name, const std::string& endpoint,
                             const proto::CurveKeys& keys)
    : words_(log::worker_pipe(name)) {
  const std::string all = keys.public_key + keys.secret_key + keys.server_key;
  CHECK_EQ(all.size(), kNumKeys * kKeyBytes);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw Error(std::string("cannot start a rollout worker: ") + std::strerror(errno));
  const sandbox::Fd from(ends[0]), to(ends[1]);
  // A pipe holds more than this.
  CHECK_EQ(::write(to.get(), all.data(), all.size()), static_cast<ssize_t>(all.size()));
  posix_spawn_file_actions_t files;
  CHECK_EQ(posix_spawn_file_actions_init(&files), 0);
  CHECK_EQ(posix_spawn_file_actions_adddup2(&files, from.get(), STDIN_FILENO), 0);
  CHECK_EQ(posix_spawn_file_actions_adddup2(&files, words_->child_end(), STDERR_FILENO), 0);
  const std::string parent = std::to_string(::getpid());
  const char* argv[] = {"amalgam",  "worker",       "--endpoint", endpoint.c_str(),
                        "--parent", parent.c_str(), nullptr};
  const int error = posix_spawn(&pid_, "/proc/self/exe", &files, nullptr,
                                const_cast<char* const*>(argv), environ);
  posix_spawn_file_actions_destroy(&files);
  words_->close_child_end();
  if (error != 0)
    throw Error(std::string("cannot start a rollout worker: ") + std::strerror(error));
}

WorkerProcess::~WorkerProcess() {
  for (int ms = 0; ms < kLeaveMs && end().empty(); ms += kLeaveLookMs) usleep(kLeaveLookMs * 1000);
  if (!end_.empty()) return;
  kill();
  waitpid(pid_, nullptr, 0);
}

std::string WorkerProcess::end() {
  int status = 0;
  if (end_.empty() && waitpid(pid_, &status, WNOHANG) == pid_) {
    end_ = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                               : "exit code " + std::to_string(WEXITSTATUS(status));
    words_->finish();
  }
  return end_;
}

void WorkerProcess::kill() {
  if (end_.empty()) ::kill(pid_, SIGKILL);
}

proto::CurveKeys read_worker_keys() {
  std::string all(kNumKeys * kKeyBytes + 1, '\0');
  size_t size = 0;
  while (size < all.size()) {
    const ssize_t n = ::read(STDIN_FILENO, &all[size], all.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    size += static_cast<size_t>(n);
  }
  if (size != kNumKeys * kKeyBytes)
    throw Error("a worker is started by `amalgam run`, which gives it its keys");
  const sandbox::Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK(null && dup2(null.get(), STDIN_FILENO) == STDIN_FILENO);
  return {all.substr(0, kKeyBytes), all.substr(kKeyBytes, kKeyBytes),
          all.substr(2 * kKeyBytes, kKeyBytes)};
}

}  // namespace amalgam::pipeline
