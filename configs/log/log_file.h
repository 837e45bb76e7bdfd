// A file of log lines, rotated by its size. Every line is in the kernel when write() returns.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "configs/log/line.h"

namespace amalgam::log {

enum class Format { kText, kJson };

// Used by one thread at a time.
class LogFile {
 public:
  // NAME.txt becomes NAME.1.txt when it has max_bytes, NAME.1.txt becomes NAME.2.txt, up to
  // num_files. Throws Error when it cannot be opened.
  LogFile(const std::string& path, Format format, size_t max_bytes, size_t num_files);
  ~LogFile();

  // Empty, or why the line is not there.
  std::string write(const Line& line);
  const std::string& path() const { return path_; }

 private:
  struct Sink;
  const std::string path_;
  const Format format_;
  const std::unique_ptr<Sink> sink_;
};

}  // namespace amalgam::log
