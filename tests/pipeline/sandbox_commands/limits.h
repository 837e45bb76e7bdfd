// Provoking the failures of a file system: full, read-only.
#pragma once
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace amalgam::pipeline {

// No file may grow beyond `bytes` while it lives: writes are cut short, then fail with EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

// `directory` refuses new files while it lives, for root too (permissions do not bind root).
class ReadOnlyDirectory {
 public:
  explicit ReadOnlyDirectory(std::string directory) : directory_(std::move(directory)) {
    ::chmod(directory_.c_str(), 0555);
    was_root_ = ::geteuid() == 0;
    if (was_root_ && ::seteuid(65534) != 0) std::abort();
  }
  ~ReadOnlyDirectory() {
    if (was_root_ && ::seteuid(0) != 0) std::abort();
    ::chmod(directory_.c_str(), 0755);
  }
  ReadOnlyDirectory(const ReadOnlyDirectory&) = delete;
  ReadOnlyDirectory& operator=(const ReadOnlyDirectory&) = delete;

 private:
  std::string directory_;
  bool was_root_ = false;
};

}  // namespace amalgam::pipeline
