#include "pipeline/workers/worker_process.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "configs/error.h"

extern char** environ;

namespace amalgam::pipeline {
namespace {

constexpr int kLeaveMs = 1000, kLeaveLookMs = 20;

}  // namespace

WorkerProcess::WorkerProcess(const std::string& endpoint) {
  const std::string parent = std::to_string(::getpid());
  const char* argv[] = {"amalgam",  "worker",       "--endpoint", endpoint.c_str(),
                        "--parent", parent.c_str(), nullptr};
  const int error = posix_spawn(&pid_, "/proc/self/exe", nullptr, nullptr,
                                const_cast<char* const*>(argv), environ);
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
  if (end_.empty() && waitpid(pid_, &status, WNOHANG) == pid_)
    end_ = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                               : "exit code " + std::to_string(WEXITSTATUS(status));
  return end_;
}

void WorkerProcess::kill() {
  if (end_.empty()) ::kill(pid_, SIGKILL);
}

}  // namespace amalgam::pipeline
