// Files and directories that survive a crash at any moment: written aside, synced, then renamed.
// All functions throw Error naming the path and the system's reason.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace amalgam::model {

// A file under construction, "PATH.tmp" until commit(). Destroyed without commit, it is removed.
class DurableFile {
 public:
  explicit DurableFile(const std::string& path);
  ~DurableFile();
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  void write(const void* data, size_t num_bytes);
  void write_at(int64_t offset, const void* data, size_t num_bytes);  // leaves write()'s place
  void commit();  // sync, rename to PATH, sync the directory

 private:
  std::string path_, temporary_;
  int fd_ = -1;
};

void write_file_durably(const std::string& path, std::string_view content);
// The whole file; Error when it is larger than max_bytes (it is then not what we took it for).
std::string read_file(const std::string& path, size_t max_bytes);

// Makes the empty directory `path` + ".tmp" (and the parents of `path`), removing what a crash may
// have left there, and returns its name.
std::string staging_directory(const std::string& path);

// Replaces directory `path` by the complete directory `path` + ".tmp" and removes the old one.
// Where the file system can exchange two names this is one atomic step. Where it cannot (NFS), the
// old directory is called `path` + ".old" for an instant: complete_directory() finds it there.
enum class Exchange { kAtomicIfPossible, kTwoRenames };
void replace_directory(const std::string& path, Exchange how = Exchange::kAtomicIfPossible);
// The same where nothing may be replaced but an empty directory. Error when something else appeared
// at `path`: it stays, and so does `path` + ".tmp".
void place_directory(const std::string& path);
// Moves the complete directory `from` (plain files only) to `to`, which must not exist; between
// file systems by a copy that appears under `to` whole.
void move_directory(const std::string& from, const std::string& to);
// `path`, or `path` + ".old" when a crash hit that instant.
std::string complete_directory(const std::string& path);

}  // namespace amalgam::model
