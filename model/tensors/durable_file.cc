#include "model/tensors/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "configs/error.h"

namespace amalgam::model {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw Error(path + ": cannot " + what + ": " + std::strerror(errno));
}

std::string parent_of(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// Makes the names in it durable.
void sync_directory(const std::string& directory) {
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail(directory, "be opened");
  const bool synced = fsync(fd) == 0;
  const int reason = errno;
  close(fd);
  errno = reason;
  if (!synced) fail(directory, "be synced");
}

void rename_or_fail(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str())) fail(from, ("be renamed to " + to).c_str());
}

void remove_directory(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) throw Error(path + ": cannot be removed: " + error.message());
}

// A trailing slash would make "DIR/" + ".tmp" a file inside DIR.
std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

DurableFile::DurableFile(const std::string& path) : path_(path), temporary_(path + ".tmp") {
  fd_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) fail(temporary_, "be created");
}

DurableFile::~DurableFile() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(temporary_.c_str());
}

void DurableFile::write(const void* data, size_t num_bytes) {
  const char* p = static_cast<const char*>(data);
  while (num_bytes > 0) {
    // Linux writes at most 2 GiB at once.
    const ssize_t n = ::write(fd_, p, std::min(num_bytes, size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(temporary_, "be written");
    p += n;
    num_bytes -= static_cast<size_t>(n);
  }
}

void DurableFile::write_at(int64_t offset, const void* data, size_t num_bytes) {
  const char* p = static_cast<const char*>(data);
  while (num_bytes > 0) {
    const ssize_t n = ::pwrite(fd_, p, std::min(num_bytes, size_t{1} << 30), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(temporary_, "be written");
    p += n;
    offset += n;
    num_bytes -= static_cast<size_t>(n);
  }
}

void DurableFile::commit() {
  if (fsync(fd_)) fail(temporary_, "be synced");
  if (close(std::exchange(fd_, -1))) fail(temporary_, "be closed");
  rename_or_fail(temporary_, path_);
  sync_directory(parent_of(path_));
}

void write_file_durably(const std::string& path, std::string_view content) {
  DurableFile file(path);
  file.write(content.data(), content.size());
  file.commit();
}

std::string read_file(const std::string& path, size_t max_bytes) {
  // Asked first: opening a pipe would wait for its writer.
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw Error(path + ": is not a regular file");
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = in ? static_cast<std::streamoff>(in.tellg()) : -1;
  if (size < 0) throw Error(path + ": cannot be opened: " + std::strerror(errno));
  if (static_cast<uint64_t>(size) > max_bytes)
    throw Error(path + ": is " + std::to_string(size) + " bytes, above the limit of " +
                std::to_string(max_bytes));
  std::string text(static_cast<size_t>(size), '\0');
  in.seekg(0);
  if (!in.read(text.data(), size)) throw Error(path + ": cannot be read");
  return text;
}

std::string staging_directory(const std::string& directory) {
  const std::string next = without_slash(directory) + ".tmp";
  remove_directory(next);
  std::error_code error;
  fs::create_directories(next, error);
  if (error) throw Error(next + ": cannot be created: " + error.message());
  return next;
}

void replace_directory(const std::string& directory, Exchange how) {
  const std::string path = without_slash(directory), next = path + ".tmp", old = path + ".old";
  sync_directory(next);
  if (!exists(path)) {
    // Either new, or a crash left the old one aside: it stays until the new one is in place.
    rename_or_fail(next, path);
    sync_directory(parent_of(path));
    remove_directory(old);
    return;
  }
  if (how == Exchange::kAtomicIfPossible) {
    if (renameat2(AT_FDCWD, next.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) == 0) {
      sync_directory(parent_of(path));
      remove_directory(next);
      remove_directory(old);
      return;
    }
    if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
      fail(next, ("be exchanged with " + path).c_str());
  }
  remove_directory(old);
  rename_or_fail(path, old);
  rename_or_fail(next, path);
  sync_directory(parent_of(path));
  remove_directory(old);
}

void place_directory(const std::string& directory) {
  const std::string path = without_slash(directory), next = path + ".tmp";
  sync_directory(next);
  if (std::rename(next.c_str(), path.c_str())) {
    if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
      throw Error(path + ": appeared meanwhile and stays; the new one is complete in " + next);
    fail(next, ("be renamed to " + path).c_str());
  }
  sync_directory(parent_of(path));
}

void move_directory(const std::string& from, const std::string& to) {
  const std::string path = without_slash(to);
  std::error_code error;
  fs::create_directories(parent_of(path), error);
  if (rename(from.c_str(), path.c_str()) == 0) {
    sync_directory(parent_of(path));
    return;
  }
  if (errno != EXDEV) fail(from, ("be renamed to " + path).c_str());
  const std::string staging = staging_directory(path);
  std::vector<char> buffer(size_t{1} << 20);
  for (const fs::directory_entry& entry : fs::directory_iterator(from)) {
    std::ifstream in(entry.path(), std::ios::binary);
    DurableFile out(staging + "/" + entry.path().filename().string());
    while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), in.gcount() > 0)
      out.write(buffer.data(), static_cast<size_t>(in.gcount()));
    if (!in.eof()) throw Error(entry.path().string() + ": cannot be read");
    out.commit();
  }
  replace_directory(path);
  remove_directory(from);
}

std::string complete_directory(const std::string& directory) {
  const std::string path = without_slash(directory);
  return !exists(path) && exists(path + ".old") ? path + ".old" : path;
}

}  // namespace amalgam::model
