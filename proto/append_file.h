// Files that must survive a kill: append that is durable against kill -9, and replacement that is
// all or nothing. Every failure is an Error that names the file and says what to do.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace amalgam::proto {

// An append-only file. One thread at a time; one process at a time (RunLock).
class AppendFile {
 public:
  // Opens or creates `path`, with its parent directories.
  explicit AppendFile(const std::string& path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  // Hands all bytes to the kernel in one write() before it returns. When that fails (disk full) the
  // file is cut back to what it held, so no half record stays, and Error is thrown.
  void append(std::string_view bytes);
  void truncate(int64_t size);  // size <= size()
  // Brings what was appended to the disk, so that it survives a crash of the machine, too.
  void sync();

  int64_t size() const { return size_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_ = -1;
  int64_t size_ = 0;
};

// The whole file. Error when it is missing or unreadable.
std::string read_file(const std::string& path);

// Replaces or creates `path`: after a crash it holds the old or the new content, never a part.
void write_file_atomically(const std::string& path, std::string_view content);

// "cannot WHAT PATH: REASON; ADVICE" for an errno of a file operation.
std::string file_error(std::string_view what, const std::string& path, int error);

// mkdir -p, with the same errors.
void create_directories(const std::string& path);

}  // namespace amalgam::proto
