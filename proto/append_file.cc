#include "proto/append_file.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "configs/check.h"
#include "configs/error.h"

namespace amalgam::proto {
namespace {

// write() may be short (a signal, the last bytes of a full disk); the rest is written or the errno
// returned.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

void create_parents(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) create_directories(parent.string());
}

}  // namespace

std::string file_error(std::string_view what, const std::string& path, int error) {
  const char* advice = "check the path";
  if (error == ENOSPC || error == EDQUOT)
    advice = "free some space, then start again (a run with --resume)";
  if (error == EFBIG)
    advice = "raise the file size limit (ulimit -f), then start again (a run with --resume)";
  if (error == EROFS || error == EACCES || error == EPERM)
    advice = "make it writable or choose another place (for a run, with --run-dir)";
  if (error == EIO) advice = "the disk reports errors; continue on another one";
  return fmt::format("cannot {} {}: {}; {}", what, path, std::strerror(error), advice);
}

void create_directories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw Error(file_error("create directory", path, error.value()));
}

AppendFile::AppendFile(const std::string& path) : path_(path) {
  create_parents(path);
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) throw Error(file_error("open", path, errno));
  struct stat st {};
  CHECK_EQ(::fstat(fd_, &st), 0);
  size_ = st.st_size;
}

AppendFile::~AppendFile() { ::close(fd_); }

void AppendFile::append(std::string_view bytes) {
  if (const int error = write_all(fd_, bytes)) {
    // If even the cut fails the part stays behind; readers detect it as a torn tail.
    if (::ftruncate(fd_, size_) != 0) throw Error(file_error("write, nor cut back,", path_, error));
    throw Error(file_error("write", path_, error));
  }
  size_ += static_cast<int64_t>(bytes.size());
}

void AppendFile::truncate(int64_t size) {
  CHECK_LE(size, size_);
  if (::ftruncate(fd_, size) != 0) throw Error(file_error("truncate", path_, errno));
  size_ = size;
}

void AppendFile::sync() {
  if (::fdatasync(fd_) != 0) throw Error(file_error("write", path_, errno));
}

std::string read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Error(file_error("read", path, errno));
  std::string content;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = n < 0 ? errno : 0;
      ::close(fd);
      if (error) throw Error(file_error("read", path, error));
      return content;
    }
    content.append(buffer, static_cast<size_t>(n));
  }
}

void write_file_atomically(const std::string& path, std::string_view content) {
  create_parents(path);
  const std::string temporary = path + ".tmp";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) throw Error(file_error("write", path, errno));
  const int error = write_all(fd, content);
  ::close(fd);
  if (error || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int reason = error ? error : errno;
    ::unlink(temporary.c_str());
    throw Error(file_error("write", path, reason));
  }
}

}  // namespace amalgam::proto
