#include "sandbox/user_map.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace amalgam::sandbox {
namespace {

bool write_at(int folder, const char* path, const std::string& text) {
  const int fd = openat(folder, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool ok = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  close(fd);
  errno = error;
  return ok;
}

}  // namespace

bool map_user(int proc, unsigned inner, unsigned outer) {
  const std::string map = std::to_string(inner) + " " + std::to_string(outer) + " 1";
  // Without "deny" an unprivileged process may not map its gid.
  return write_at(proc, "self/setgroups", "deny") && write_at(proc, "self/uid_map", map) &&
         write_at(proc, "self/gid_map", map);
}

}  // namespace amalgam::sandbox
