#include "pipeline/data/forms/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "configs/check.h"
#include "configs/error.h"

namespace amalgam::pipeline {
namespace {

constexpr size_t kPackedBytes = 1 << 17;

// What is read of the packed file, and not used yet.
class PackedBytes {
 public:
  explicit PackedBytes(FileBytes* file) : file_(file), bytes_(kPackedBytes) {}
  // False at the file's end.
  bool fill() {
    if (begin < end) return true;
    begin = 0, end = file_->read(bytes_.data(), bytes_.size());
    return end > 0;
  }
  char* data() { return bytes_.data(); }
  const std::string& path() const { return file_->path(); }

  size_t begin = 0, end = 0;

 private:
  FileBytes* file_;
  std::vector<char> bytes_;
};

class GzipBytes final : public ByteSource {
 public:
  explicit GzipBytes(FileBytes* file) : packed_(file) {
    constexpr int kGzip = 16;
    CHECK_EQ(::inflateInit2(&stream_, kGzip + MAX_WBITS), Z_OK);
  }
  ~GzipBytes() override { ::inflateEnd(&stream_); }

  size_t read(char* to, size_t size) override {
    for (;;) {
      if (!packed_.fill()) {
        if (in_member_) fail("is cut off");
        return 0;
      }
      if (!in_member_ && !begin_member()) continue;
      stream_.next_in = reinterpret_cast<Bytef*>(packed_.data() + packed_.begin);
      stream_.avail_in = static_cast<uInt>(packed_.end - packed_.begin);
      stream_.next_out = reinterpret_cast<Bytef*>(to);
      stream_.avail_out = static_cast<uInt>(size);
      const int result = ::inflate(&stream_, Z_NO_FLUSH);
      packed_.begin = packed_.end - stream_.avail_in;
      if (result == Z_STREAM_END)
        in_member_ = false;
      else if (result != Z_OK && result != Z_BUF_ERROR)
        fail("is damaged");
      if (const size_t n = size - stream_.avail_out; n > 0) return n;
    }
  }

 private:
  // Zeros may fill a file up after its last member.
  bool begin_member() {
    if (has_member_ && packed_.data()[packed_.begin] == 0) {
      ++packed_.begin;
      has_padding_ = true;
      return false;
    }
    if (has_padding_) fail("has other bytes after its end");
    ::inflateReset(&stream_);
    in_member_ = has_member_ = true;
    return true;
  }
  [[noreturn]] void fail(const char* what) const {
    throw Error(packed_.path() + ": the gzip data " + what + "; get the file again");
  }

  PackedBytes packed_;
  z_stream stream_ = {};
  bool in_member_ = false, has_member_ = false, has_padding_ = false;
};

class ZstdBytes final : public ByteSource {
 public:
  explicit ZstdBytes(FileBytes* file) : packed_(file), stream_(::ZSTD_createDStream()) {
    CHECK(stream_ != nullptr);
    // As the zstd program with --long=31.
    ::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, 31);
  }
  ~ZstdBytes() override { ::ZSTD_freeDStream(stream_); }

  size_t read(char* to, size_t size) override {
    for (;;) {
      // What was unpacked and did not fit comes without more of the file.
      const bool has_input = packed_.fill();
      if (!has_input && !in_frame_) return 0;
      ZSTD_inBuffer in{packed_.data(), packed_.end, packed_.begin};
      ZSTD_outBuffer out{to, size, 0};
      const size_t left = ::ZSTD_decompressStream(stream_, &out, &in);
      if (::ZSTD_isError(left)) fail("is damaged");
      packed_.begin = in.pos;
      in_frame_ = left != 0;
      if (out.pos > 0) return out.pos;
      if (!has_input && in_frame_) fail("is cut off");
    }
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw Error(packed_.path() + ": the zstd data " + what + "; get the file again");
  }

  PackedBytes packed_;
  ZSTD_DStream* stream_;
  bool in_frame_ = false;
};

// Without packing.
class PlainBytes final : public ByteSource {
 public:
  explicit PlainBytes(FileBytes* file) : file_(file) {}
  size_t read(char* to, size_t size) override { return file_->read(to, size); }

 private:
  FileBytes* file_;
};

}  // namespace

FileBytes::FileBytes(const std::string& path) : path_(path) {
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0)
    throw Error(path + ": cannot be read (" + std::strerror(errno) + "); check the path");
  struct stat status;
  if (::fstat(fd_, &status) == 0) size_ = status.st_size;
}

FileBytes::~FileBytes() { ::close(fd_); }

size_t FileBytes::read_file(char* to, size_t size) {
  ssize_t n;
  do n = ::read(fd_, to, size);
  while (n < 0 && errno == EINTR);
  if (n < 0) throw Error(path_ + ": reading failed (" + std::strerror(errno) + ")");
  num_read_ += n;
  return static_cast<size_t>(n);
}

size_t FileBytes::read(char* to, size_t size) {
  if (head_.empty()) return read_file(to, size);
  const size_t n = std::min(size, head_.size());
  std::memcpy(to, head_.data(), n);
  head_.erase(0, n);
  return n;
}

FileKind FileBytes::kind() {
  char bytes[kFileHeadBytes];
  while (head_.size() < kFileHeadBytes) {
    const size_t n = read_file(bytes, kFileHeadBytes - head_.size());
    if (n == 0) break;
    head_.append(bytes, n);
  }
  return file_kind(head_);
}

std::unique_ptr<ByteSource> unpacked(FileBytes* file) {
  switch (file->kind()) {
    case FileKind::kGzip:
      return std::make_unique<GzipBytes>(file);
    case FileKind::kZstd:
      return std::make_unique<ZstdBytes>(file);
    default:
      return std::make_unique<PlainBytes>(file);
  }
}

}  // namespace amalgam::pipeline
