#include "pipeline/data/row_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "configs/error.h"

namespace amalgam::pipeline {

class RowStore::Bytes {
 public:
  Bytes() = default;
  ~Bytes() {
    if (fd_ >= 0) ::close(fd_);
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  // Returns where it begins.
  uint64_t add(std::string_view text) {
    const uint64_t begin = end_;
    // Once a row is outside, all that follow are.
    const bool is_inside = fd_ < 0 && pending_.empty();
    if (is_inside && memory_.size() + text.size() <= kMemoryBytes) {
      memory_ += text;
    } else {
      if (pending_.size() + text.size() > kPendingBytes) flush();
      pending_ += text;
    }
    end_ += text.size();
    return begin;
  }

  std::string read(uint64_t begin, uint64_t size) const {
    if (begin < memory_.size()) return memory_.substr(begin, size);
    uint64_t at = begin - memory_.size();
    if (at >= written_) return pending_.substr(at - written_, size);
    std::string text(size, '\0');
    for (uint64_t done = 0; done < size;) {
      const ssize_t n =
          ::pread(fd_, text.data() + done, size - done, static_cast<off_t>(at + done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0)
        throw Error(std::string("the file of rows cannot be read: ") + std::strerror(errno));
      done += static_cast<uint64_t>(n);
    }
    return text;
  }

 private:
  static constexpr size_t kMemoryBytes = 32 << 20, kPendingBytes = 1 << 20;

  void flush() {
    if (fd_ < 0) open();
    for (size_t done = 0; done < pending_.size();) {
      const ssize_t n = ::write(fd_, pending_.data() + done, pending_.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0)
        throw Error("rows cannot be kept in " + folder() + ": " + std::strerror(errno) +
                    "; free space there, or set TMPDIR to another folder");
      done += static_cast<size_t>(n);
    }
    written_ += pending_.size();
    pending_.clear();
  }

  void open() {
    std::string path = folder() + "/amalgam-rows-XXXXXX";
    fd_ = ::mkostemp(path.data(), O_CLOEXEC);
    if (fd_ < 0)
      throw Error("rows cannot be kept in " + folder() + ": " + std::strerror(errno) +
                  "; set TMPDIR to a folder that can be written");
    ::unlink(path.c_str());
  }

  static std::string folder() {
    const char* given = std::getenv("TMPDIR");
    return given && *given ? given : "/tmp";
  }

  std::string memory_;   // the first bytes
  std::string pending_;  // the last, not written yet
  uint64_t written_ = 0, end_ = 0;
  int fd_ = -1;
};

RowStore::RowStore() : bytes_(std::make_shared<Bytes>()) {}

void RowStore::add(std::string_view json) { places_.push_back({bytes_->add(json), json.size()}); }

std::string RowStore::json(size_t i) const {
  return bytes_->read(places_[i].begin, places_[i].size);
}

}  // namespace amalgam::pipeline
