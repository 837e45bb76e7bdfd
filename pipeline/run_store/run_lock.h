// RunLock: one process at a time per run directory.
//
// A POSIX record lock on RUN/lock rather than flock(): it belongs to the process, so it is gone the
// moment the process dies, even while children that were forked from it linger for their last
// milliseconds, and the kernel itself names the holder. Its one trap: closing ANY descriptor of the
// file drops it, so nothing else in the program may open RUN/lock.
#pragma once
#include <string>

namespace amalgam::pipeline {

class RunLock {
 public:
  // Creates the directory if it is missing. Error, naming the holder's pid, if another process
  // (or another RunLock of this one) has it.
  explicit RunLock(const std::string& run_dir);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  std::string path_;
  int fd_ = -1;
};

}  // namespace amalgam::pipeline
