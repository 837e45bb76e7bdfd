#include "distill/teachers/hidden_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "configs/check.h"
#include "configs/error.h"
#include "learner/step/checksum.h"
#include "proto/append_file.h"

namespace amalgam::distill {
namespace {

constexpr size_t kMultiple = 16;  // floats: checksum() takes multiples of 64 bytes

size_t padded(size_t n) { return (n + kMultiple - 1) / kMultiple * kMultiple; }
int64_t bytes_of(size_t n) { return static_cast<int64_t>(padded(n) * sizeof(float)); }

}  // namespace

HiddenStore::HiddenStore(std::string directory, int64_t memory_bytes, kernels::ThreadPool& pool)
    : directory_(std::move(directory)),
      path_(directory_ + "/hidden-states"),
      memory_bytes_(memory_bytes),
      pool_(pool) {
  ::unlink(path_.c_str());  // of a process that ended between making it and taking its name away
}

size_t HiddenStore::put(const float* data, size_t n) {
  Entry entry;
  entry.floats = n;
  if (bytes_ + bytes_of(n) > memory_bytes_) {
    write(data, n, &entry);
  } else {
    entry.memory.resize(padded(n));
    std::copy_n(data, n, entry.memory.data());
    bytes_ += bytes_of(n);
    peak_bytes_ = std::max(peak_bytes_, bytes_);
  }
  entries_.push_back(std::move(entry));
  return entries_.size() - 1;
}

void HiddenStore::write(const float* data, size_t n, Entry* entry) {
  if (fd_ < 0) {
    proto::create_directories(directory_);
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd_ < 0) throw Error(proto::file_error("write", path_, errno));
    ::unlink(path_.c_str());
  }
  entry->offset = file_bytes_;
  entry->checksum = checksum(data, n);
  const auto* bytes = reinterpret_cast<const char*>(data);
  for (size_t done = 0; done < n * sizeof(float);) {
    const ssize_t w = ::pwrite(fd_, bytes + done, n * sizeof(float) - done,
                               entry->offset + static_cast<int64_t>(done));
    if (w < 0 && errno == EINTR) continue;
    if (w <= 0)
      throw Error(
          proto::file_error("write teachers' hidden states to", path_, w < 0 ? errno : EIO) +
          "; or raise distill.hidden_memory");
    done += static_cast<size_t>(w);
  }
  file_bytes_ += static_cast<int64_t>(n * sizeof(float));
}

void HiddenStore::read_ahead(size_t block) const {
  const Entry& entry = entries_.at(block);
  if (entry.offset >= 0)
    ::posix_fadvise(fd_, entry.offset, static_cast<off_t>(entry.floats * sizeof(float)),
                    POSIX_FADV_WILLNEED);
}

HiddenStore::Block HiddenStore::take(size_t block) {
  Entry entry = std::move(entries_.at(block));
  if (entry.offset < 0) {
    CHECK(entry.memory.data() != nullptr || entry.floats == 0);
    bytes_ -= bytes_of(entry.floats);
    return std::move(entry.memory);
  }
  Block memory(padded(entry.floats));
  auto* bytes = reinterpret_cast<char*>(memory.data());
  for (size_t done = 0; done < entry.floats * sizeof(float);) {
    const ssize_t r = ::pread(fd_, bytes + done, entry.floats * sizeof(float) - done,
                              entry.offset + static_cast<int64_t>(done));
    if (r < 0 && errno == EINTR) continue;
    if (r <= 0) throw Error(proto::file_error("read", path_, r < 0 ? errno : EIO));
    done += static_cast<size_t>(r);
  }
  if (checksum(memory.data(), entry.floats) != entry.checksum)
    throw Error(path_ +
                ": what is read back is not what was written; check the disk, then go on "
                "with --resume");
  // Its place on the disk is free from now on, where the file system can do that.
  (void)::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, entry.offset,
                    static_cast<off_t>(entry.floats * sizeof(float)));
  return memory;
}

void HiddenStore::clear() {
  entries_.clear();
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  bytes_ = peak_bytes_ = file_bytes_ = 0;
}

uint64_t HiddenStore::checksum(const float* data, size_t n) const {
  const size_t whole = n / kMultiple * kMultiple;
  std::vector<float> rest(data + whole, data + n);
  rest.resize(kMultiple);
  const uint64_t first =
      learner::checksum(pool_, reinterpret_cast<const std::byte*>(data), whole * sizeof(float));
  return first ^ learner::checksum(pool_, reinterpret_cast<const std::byte*>(rest.data()),
                                   kMultiple * sizeof(float));
}

}  // namespace amalgam::distill
