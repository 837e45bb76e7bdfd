// The bytes of a file, unpacked on the way where it is gzip or zstd.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "pipeline/data/forms/file_kind.h"

namespace amalgam::pipeline {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // At most `size` bytes; 0 at the end only. Throws Error.
  virtual size_t read(char* to, size_t size) = 0;
};

// A file's own bytes.
class FileBytes final : public ByteSource {
 public:
  explicit FileBytes(const std::string& path);  // throws Error when it cannot be opened
  ~FileBytes() override;
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;

  size_t read(char* to, size_t size) override;
  FileKind kind();  // before anything is read
  int64_t size() const { return size_; }
  int64_t num_read() const { return num_read_; }
  const std::string& path() const { return path_; }

 private:
  size_t read_file(char* to, size_t size);

  const std::string path_;
  int fd_ = -1;
  std::string head_;  // read, but not given out yet
  int64_t size_ = 0, num_read_ = 0;
};

// The text of a file: all members of a gzip file, all frames of a zstd file, as it is otherwise.
// `file` must outlive it. Reading throws Error that names the format for packed data that is cut
// off or damaged.
std::unique_ptr<ByteSource> unpacked(FileBytes* file);

}  // namespace amalgam::pipeline
