// A child process that answers one line for each line it gets, over a socket that is its stdin. Its
// stdout and stderr go to the log, so what it prints cannot be mistaken for an answer. It has its
// own process group. The destructor asks it to end (SIGTERM), and kills it when it does not.
//
// Used by one thread at a time, but for cancel().
#pragma once
#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "configs/log/line_pipe.h"

namespace amalgam::rewards {

class ChildProcess {
 public:
  // `name`: whose lines are in the log. argv[0] is an absolute path; environment has NAME=VALUE,
  // and nothing is inherited. Throws Error when it cannot be started.
  ChildProcess(const std::string& name, const std::vector<std::string>& argv,
               const std::vector<std::string>& environment);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // kTimeout and kClosed leave the child unusable: destroy it.
  enum class Outcome { kOk, kTimeout, kClosed };
  // Sends the line (without line break; empty: only waits) and waits for one line, the deadline
  // covering both.
  Outcome call(const std::string& line, double deadline_seconds, std::string* reply);
  // By any thread: a call that waits, and every later one, returns kClosed.
  void cancel();
  // After kClosed: how it ended, "exit code 3" or "signal 11".
  std::string how_it_ended();

 private:
  bool reap(double deadline_seconds);

  const std::unique_ptr<log::LinePipe> words_;
  pid_t pid_ = -1;
  int socket_ = -1;
  int wait_status_ = 0;
  bool reaped_ = false;
  std::string buffered_;  // received beyond the last line
};

}  // namespace amalgam::rewards
