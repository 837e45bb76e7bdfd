// The process of one rollout worker, as its controller sees it.
#pragma once
#include <sys/types.h>

#include <string>

namespace amalgam::pipeline {

class WorkerProcess {
 public:
  // Starts this program as `amalgam worker`. Throws Error when it cannot be started.
  explicit WorkerProcess(const std::string& endpoint);
  // A worker leaves when told; one that does not is not waited for long, and killed.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  pid_t pid() const { return pid_; }
  // How it ended, "signal 9" or "exit code 1"; empty while it has not.
  std::string end();
  // SIGKILL; its end is seen a little later.
  void kill();

 private:
  pid_t pid_ = 0;
  std::string end_;
};

}  // namespace amalgam::pipeline
