#include "sandbox/container/user_map.h"

#include <fcntl.h>

#include <string>

#include "sandbox/files/fd.h"

namespace amalgam::sandbox {
namespace {

bool write_at(int folder, const char* path, const std::string& text) {
  const Fd fd(openat(folder, path, O_WRONLY | O_CLOEXEC));
  return fd && write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

bool map_user(int proc, unsigned inner, unsigned outer) {
  const std::string map = std::to_string(inner) + " " + std::to_string(outer) + " 1";
  // Without "deny" an unprivileged process may not map its gid.
  return write_at(proc, "self/setgroups", "deny") && write_at(proc, "self/uid_map", map) &&
         write_at(proc, "self/gid_map", map);
}

}  // namespace amalgam::sandbox
