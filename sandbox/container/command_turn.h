// The one command that runs in a sandbox at a time, as other threads see it: they may end it.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include "sandbox/files/fd.h"

namespace amalgam::sandbox {

// What is written to CommandTurn::ending() to end a command: as cancelled, as timed out.
inline constexpr uint64_t kCancelNow = 1, kTimeOutNow = 1 << 16;

class CommandTurn {
 public:
  // Around a command, from the thread that runs it. False with one line in *error.
  bool begin(std::string* error);
  void end();
  // An eventfd, readable when the command is to end. From the first begin() on.
  int ending() const { return ending_.get(); }

  // From any other thread; see Sandbox::cancel.
  bool cancel(double deadline_seconds);
  // The same without waiting, as if its time were over.
  void time_out();

 private:
  std::mutex mutex_;
  std::condition_variable over_;
  Fd ending_;
  bool is_running_ = false;
  int64_t number_ = 0;
};

}  // namespace amalgam::sandbox
