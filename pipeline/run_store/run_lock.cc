#include "pipeline/run_store/run_lock.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <set>

#include "configs/error.h"
#include "proto/append_file.h"

namespace amalgam::pipeline {
namespace {

// Record locks do not exclude the process that holds them; this does.
std::mutex held_mutex;
std::set<std::string> held_paths;

Error in_use(const std::string& run_dir, const std::string& holder) {
  return Error(
      fmt::format("run directory {} is in use by process {}; wait for it, stop it, or "
                  "choose another --run-dir",
                  run_dir, holder));
}

// The pid as the kernel tells it, or as the holder wrote it where the kernel cannot (another PID
// namespace or host).
std::string holder_of(int fd) {
  struct flock probe {};
  probe.l_type = F_WRLCK;
  if (::fcntl(fd, F_GETLK, &probe) == 0 && probe.l_type != F_UNLCK && probe.l_pid > 0)
    return std::to_string(probe.l_pid);
  char text[32] = {};
  const ssize_t n = ::pread(fd, text, sizeof text - 1, 0);
  std::string pid(text, n > 0 ? static_cast<size_t>(n) : 0);
  pid.resize(std::min(pid.size(), pid.find_first_not_of("0123456789")));
  return pid.empty() ? "(unknown pid)" : pid;
}

}  // namespace

RunLock::RunLock(const std::string& run_dir) {
  proto::create_directories(run_dir);
  path_ = (std::filesystem::canonical(run_dir) / "lock").string();
  const std::lock_guard guard(held_mutex);
  if (held_paths.count(path_)) throw in_use(run_dir, std::to_string(::getpid()) + " (this one)");
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) throw Error(proto::file_error("open", path_, errno));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd_, F_SETLK, &lock) != 0) {
    const int error = errno;
    const std::string holder = holder_of(fd_);
    ::close(fd_);
    if (error == EAGAIN || error == EACCES) throw in_use(run_dir, holder);
    throw Error(proto::file_error("lock", path_, error));
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, pid.data(), pid.size(), 0) < 0) {
    const int error = errno;
    ::close(fd_);
    throw Error(proto::file_error("write", path_, error));
  }
  held_paths.insert(path_);
}

RunLock::~RunLock() {
  const std::lock_guard guard(held_mutex);
  held_paths.erase(path_);
  ::close(fd_);
}

}  // namespace amalgam::pipeline
