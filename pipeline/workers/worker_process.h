// The process of one rollout worker, as its controller sees it.
#pragma once
#include <sys/types.h>

#include <memory>
#include <string>

#include "configs/log/line_pipe.h"
#include "proto/zmq_socket.h"

namespace amalgam::pipeline {

class WorkerProcess {
 public:
  // Starts this program as `amalgam worker`. It gets its keys through a pipe that no other process
  // has. What it writes to its stderr is in the log, as `name`'s. Throws Error when it cannot be
  // started.
  WorkerProcess(const std::string& name, const std::string& endpoint, const proto::CurveKeys& keys);
  // A worker leaves when told; one that does not is not waited for long, and killed.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  pid_t pid() const { return pid_; }
  // How it ended, "signal 9" or "exit code 1"; empty while it has not. Its last words are in the
  // log then.
  std::string end();
  // SIGKILL; its end is seen a little later.
  void kill();

 private:
  pid_t pid_ = 0;
  std::string end_;
  std::unique_ptr<log::LinePipe> words_;
};

// In the worker: its keys, from its standard input, which then is empty. Throws Error when there
// are none.
proto::CurveKeys read_worker_keys();

}  // namespace amalgam::pipeline
