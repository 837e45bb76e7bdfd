// What several threads hand to one that polls: values in order, and a descriptor to poll.
#pragma once
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

#include "configs/check.h"

namespace amalgam::sandbox {

template <class T>
class Mailbox {
 public:
  Mailbox() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(fd_ >= 0); }
  ~Mailbox() { close(fd_); }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  int fd() const { return fd_; }  // readable when something is there

  void put(T value) {
    std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);
  }

  std::deque<T> take_all() {
    std::lock_guard lock(mutex_);
    uint64_t count;
    [[maybe_unused]] const ssize_t n = read(fd_, &count, sizeof count);
    return std::exchange(values_, {});
  }

 private:
  const int fd_;
  std::mutex mutex_;
  std::deque<T> values_;
};

}  // namespace amalgam::sandbox
