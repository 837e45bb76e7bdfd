#include "sandbox/container/command_turn.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace amalgam::sandbox {

bool CommandTurn::begin(std::string* error) {
  std::lock_guard lock(mutex_);
  if (!ending_) ending_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!ending_) {
    *error = std::string("cannot make an eventfd: ") + std::strerror(errno);
    return false;
  }
  eventfd_t ignored;  // meant for the command before
  eventfd_read(ending_.get(), &ignored);
  is_running_ = true;
  ++number_;
  return true;
}

void CommandTurn::end() {
  std::lock_guard lock(mutex_);
  is_running_ = false;
  over_.notify_all();
}

bool CommandTurn::cancel(double deadline_seconds) {
  std::unique_lock lock(mutex_);
  if (!is_running_) return false;
  const int64_t number = number_;
  eventfd_write(ending_.get(), kCancelNow);
  return over_.wait_for(lock, std::chrono::duration<double>(std::min(deadline_seconds, 1e6)),
                        [&] { return !is_running_ || number_ != number; });
}

void CommandTurn::time_out() {
  std::lock_guard lock(mutex_);
  if (is_running_) eventfd_write(ending_.get(), kTimeOutNow);
}

}  // namespace amalgam::sandbox
