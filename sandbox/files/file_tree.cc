#include "sandbox/files/file_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "configs/error.h"
#include "configs/printable.h"
#include "sandbox/files/layer.h"

namespace amalgam::sandbox {
namespace {

[[noreturn]] void throw_unreadable(const std::string& path) {
  const int error = errno;
  const std::string what = "cannot read " + printable(path) + ": " + std::strerror(error);
  if (error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO) throw HostError(what);
  throw Error(what);
}

// Opens for reading. An ordinary user's own file may be closed to him by its mode.
Fd open_readable(const TreeEntry& entry, int flags) {
  flags |= O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  Fd fd(openat(entry.parent, entry.name.c_str(), flags));
  if (fd || errno != EACCES) return fd;
  const mode_t mode = entry.status.st_mode & 07777;
  if (fchmodat(entry.parent, entry.name.c_str(), mode | S_IRUSR | S_IXUSR, 0)) return fd;
  fd = Fd(openat(entry.parent, entry.name.c_str(), flags));
  if (S_ISREG(entry.status.st_mode)) fchmodat(entry.parent, entry.name.c_str(), mode, 0);
  return fd;
}

std::vector<std::string> sorted_names(int directory, const std::string& path) {
  const int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const stream = fd >= 0 ? fdopendir(fd) : nullptr;
  if (!stream) throw_unreadable(path);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(stream))
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
      names.emplace_back(entry->d_name);
  closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

void walk(int directory, const std::string& path, int depth,
          const std::function<bool(const TreeEntry&)>& visit) {
  if (depth > kMaxTreeDepth)
    throw Error("folders are nested more than " + std::to_string(kMaxTreeDepth) + " deep");
  TreeEntry entry;
  entry.parent = directory;
  for (std::string& name : sorted_names(directory, path)) {
    entry.path = path.empty() ? name : path + "/" + name;
    entry.name = std::move(name);
    if (fstatat(directory, entry.name.c_str(), &entry.status, AT_SYMLINK_NOFOLLOW))
      throw_unreadable(entry.path);
    if (!visit(entry) || !S_ISDIR(entry.status.st_mode)) continue;
    const Fd next = open_readable(entry, O_DIRECTORY);
    if (!next) throw_unreadable(entry.path);
    walk(next.get(), entry.path, depth + 1, visit);
    const mode_t mode = entry.status.st_mode & 07777;
    if ((mode & 0500) != 0500) fchmod(next.get(), mode);  // may have been opened up
  }
}

}  // namespace

void walk_tree(int directory, const std::function<bool(const TreeEntry&)>& visit) {
  walk(directory, "", 0, visit);
}

void walk_path(int directory, const std::string& path,
               const std::function<void(const TreeEntry&)>& visit) {
  TreeEntry entry;
  Fd folder;
  for (size_t begin = 0, end; begin < path.size(); begin = end + 1) {
    end = std::min(path.find('/', begin), path.size());
    entry.parent = folder ? folder.get() : directory;
    entry.name = path.substr(begin, end - begin);
    entry.path = path.substr(0, end);
    if (fstatat(entry.parent, entry.name.c_str(), &entry.status, AT_SYMLINK_NOFOLLOW)) return;
    visit(entry);
    if (!S_ISDIR(entry.status.st_mode)) return;
    Fd next = open_readable(entry, O_DIRECTORY);
    if (!next) throw_unreadable(entry.path);
    folder = std::move(next);
  }
}

std::string read_link(const TreeEntry& entry) {
  char target[PATH_MAX];
  const ssize_t n = readlinkat(entry.parent, entry.name.c_str(), target, sizeof target);
  if (n < 0) throw_unreadable(entry.path);
  return {target, static_cast<size_t>(n)};
}

bool is_opaque(const TreeEntry& entry) {
  const Fd fd = open_readable(entry, O_DIRECTORY);
  if (!fd) throw_unreadable(entry.path);
  char value = 0;
  return fgetxattr(fd.get(), "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

void read_content(const TreeEntry& entry, const std::function<void(std::string_view)>& visit) {
  Fd fd = open_readable(entry, O_NOATIME);
  if (!fd && errno == EPERM) fd = open_readable(entry, 0);
  if (!fd) throw_unreadable(entry.path);
  char buffer[64 << 10];
  for (int64_t left = entry.status.st_size; left > 0;) {
    const ssize_t n = read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_unreadable(entry.path);
    if (n == 0) return;
    visit({buffer, static_cast<size_t>(n)});
    left -= n;
  }
}

Fd open_parent(int directory, const std::string& path, MakeFolders make_folders,
               std::string* name) {
  Fd at(openat(directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  size_t begin = 0;
  for (size_t end; at && (end = path.find('/', begin)) != std::string::npos; begin = end + 1) {
    const std::string folder = path.substr(begin, end - begin);
    if (make_folders == MakeFolders::kYes) mkdirat(at.get(), folder.c_str(), 0755);
    Fd next(openat(at.get(), folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    const int error = errno;
    at = std::move(next);
    errno = error;
  }
  *name = path.substr(begin);
  return at;
}

int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = write(fd, content.data(), content.size());
    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) content.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

void remove_tree(int parent, const std::string& name) {
  const Fd directory(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (directory) {
    try {
      for (const std::string& child : sorted_names(directory.get(), name))
        if (unlinkat(directory.get(), child.c_str(), 0)) remove_tree(directory.get(), child);
    } catch (const Error&) {
    }
  }
  unlinkat(parent, name.c_str(), AT_REMOVEDIR);
}

}  // namespace amalgam::sandbox
