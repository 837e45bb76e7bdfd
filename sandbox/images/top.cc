#include "sandbox/images/top.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/files/file_tree.h"

namespace amalgam::sandbox {
namespace {

int write_file(int parent, const std::string& name, mode_t mode, const std::string& content) {
  const Fd fd(
      openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return errno;
  if (const int error = write_all(fd.get(), content)) return error;
  return fchmod(fd.get(), mode) ? errno : 0;
}

}  // namespace

int apply_change(int visible, const std::string& path, unsigned mode, const std::string& content) {
  std::string name;
  const Fd parent = open_parent(visible, path, MakeFolders::kNo, &name);
  // What lies below something that is gone is gone too.
  if (!parent) return S_ISCHR(mode) && (errno == ENOENT || errno == ENOTDIR) ? 0 : errno;
  struct stat s;
  const bool exists = fstatat(parent.get(), name.c_str(), &s, AT_SYMLINK_NOFOLLOW) == 0;
  if (exists && !(S_ISDIR(s.st_mode) && S_ISDIR(mode)) && unlinkat(parent.get(), name.c_str(), 0)) {
    remove_tree(parent.get(), name);
    if (fstatat(parent.get(), name.c_str(), &s, AT_SYMLINK_NOFOLLOW) == 0) return ENOTEMPTY;
  }
  const mode_t permissions = mode & 07777;
  if (S_ISREG(mode)) return write_file(parent.get(), name, permissions, content);
  if (S_ISFIFO(mode)) return mkfifoat(parent.get(), name.c_str(), permissions) ? errno : 0;
  if (S_ISLNK(mode)) return symlinkat(content.c_str(), parent.get(), name.c_str()) ? errno : 0;
  if (!S_ISDIR(mode)) return 0;
  if (mkdirat(parent.get(), name.c_str(), 0700) && errno != EEXIST) return errno;
  return fchmodat(parent.get(), name.c_str(), permissions, 0) ? errno : 0;
}

}  // namespace amalgam::sandbox
