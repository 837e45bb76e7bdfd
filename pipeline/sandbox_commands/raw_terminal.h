// The user's terminal in raw mode, while what is typed belongs to a program elsewhere.
#pragma once
#include <sys/types.h>

#include "sandbox/files/fd.h"

namespace amalgam::pipeline {

// Its settings come back however this process ends, kill -9 included: a child that does nothing
// else waits for that end. To be made while the process has one thread.
class RawTerminal {
 public:
  // Error when that fails.
  explicit RawTerminal(int terminal);
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  pid_t restorer_ = 0;
  sandbox::Fd alive_;  // its end is what the child waits for
};

}  // namespace amalgam::pipeline
