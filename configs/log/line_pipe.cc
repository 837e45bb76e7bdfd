#include "configs/log/line_pipe.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "configs/error.h"
#include "configs/log/line.h"

namespace amalgam::log {
namespace {

constexpr size_t kMostAtOnce = 64;  // chunks; a pipe holds sixteen

}  // namespace

LinePipe::LinePipe(std::function<void(std::string_view)> take) : take_(std::move(take)) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw Error(std::string("cannot make a pipe: ") + std::strerror(errno));
  read_end_ = ends[0];
  child_end_ = ends[1];
  stop_event_ = ::eventfd(0, EFD_CLOEXEC);
  if (stop_event_ < 0) {
    const int error = errno;
    ::close(read_end_);
    ::close(child_end_);
    throw Error(std::string("cannot make an event: ") + std::strerror(error));
  }
  ::fcntl(read_end_, F_SETFL, O_NONBLOCK);
  thread_ = std::thread([this] { read_lines(); });
}

LinePipe::~LinePipe() {
  finish();
  close_child_end();
  ::close(read_end_);
  ::close(stop_event_);
}

void LinePipe::close_child_end() {
  if (child_end_ >= 0) ::close(child_end_);
  child_end_ = -1;
}

void LinePipe::finish() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_event_, &one, sizeof one);
  thread_.join();
}

void LinePipe::read_lines() {
  for (bool is_last = false, is_open = true; is_open && !is_last;) {
    pollfd ends[] = {{read_end_, POLLIN, 0}, {stop_event_, POLLIN, 0}};
    ::poll(ends, 2, -1);
    is_last = ends[1].revents != 0;
    // What is there by the end is still read, but not for as long as somebody goes on writing.
    for (size_t left = kMostAtOnce; left > 0; --left) {
      char chunk[4096];
      const ssize_t n = ::read(read_end_, chunk, sizeof chunk);
      if (n < 0 && errno == EINTR) continue;
      is_open = n != 0;
      if (n <= 0) break;
      buffered_.append(chunk, static_cast<size_t>(n));
      take_pieces(false);
    }
  }
  take_pieces(true);
}

void LinePipe::take_pieces(bool at_end) {
  size_t begin = 0;
  while (begin < buffered_.size()) {
    const size_t line_end = buffered_.find('\n', begin);
    // A line of the log with its header is longer than its text.
    constexpr size_t kMost = kMaxText + 1000;
    size_t size = std::min(line_end, buffered_.size()) - begin;
    if (line_end == std::string::npos && size < kMost && !at_end) break;
    size = std::min(size, kMost);
    take_(std::string_view(buffered_).substr(begin, size));
    begin += size + (begin + size == line_end);
  }
  buffered_.erase(0, begin);
}

}  // namespace amalgam::log
