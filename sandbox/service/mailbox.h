// What several threads hand to one that polls: values in order, and a descriptor to poll.
#pragma once
#include <sys/eventfd.h>

#include <deque>
#include <mutex>
#include <utility>

#include "configs/check.h"
#include "sandbox/files/fd.h"

namespace amalgam::sandbox {

template <class T>
class Mailbox {
 public:
  Mailbox() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(fd() >= 0); }

  int fd() const { return fd_.get(); }  // readable when something is there

  void put(T value) {
    std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    eventfd_write(fd(), 1);
  }

  std::deque<T> take_all() {
    std::lock_guard lock(mutex_);
    eventfd_t ignored;
    eventfd_read(fd(), &ignored);
    return std::exchange(values_, {});
  }

 private:
  const Fd fd_;
  std::mutex mutex_;
  std::deque<T> values_;
};

}  // namespace amalgam::sandbox
