#include "sandbox/container/own_mounts.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sandbox/files/file_tree.h"

namespace amalgam::sandbox {
namespace {

// Kernel memory, and what a command leaves has to be removed again.
constexpr int64_t kMaxSharedFiles = 1024;

std::vector<std::string> names_in(int folder) {
  std::vector<std::string> names;
  const int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const dir = copy < 0 ? nullptr : fdopendir(copy);
  if (!dir) return names;
  while (const dirent* entry = readdir(dir)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(dir);
  return names;
}

void clear_folder(int folder, int depth) {
  for (const std::string& name : names_in(folder)) {
    if (unlinkat(folder, name.c_str(), 0) == 0) continue;
    fchmodat(folder, name.c_str(), 0700, 0);  // a folder: what else there is has been unlinked
    const Fd inner(openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (inner && depth < kMaxTreeDepth) clear_folder(inner.get(), depth + 1);
    unlinkat(folder, name.c_str(), AT_REMOVEDIR);
  }
}

}  // namespace

bool mount_terminals() {
  const std::string options =
      "newinstance,mode=0600,ptmxmode=0666,max=" + std::to_string(kMaxTerminals);
  return mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, options.c_str()) == 0;
}

Fd make_terminal(Fd* inner) {
  Fd outer(open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  const int unlocked = 0;
  if (!outer || ioctl(outer.get(), TIOCSPTLCK, &unlocked)) return Fd();
  *inner = Fd(ioctl(outer.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!*inner) return Fd();
  return outer;
}

bool mount_shared_memory(int64_t bytes) {
  const int64_t files = std::clamp<int64_t>(bytes / 4096, 64, kMaxSharedFiles);
  const std::string options =
      "mode=1777,size=" + std::to_string(bytes) + ",nr_inodes=" + std::to_string(files);
  return mount("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options.c_str()) == 0;
}

int64_t used_bytes(int shared_memory) {
  struct statvfs s;
  if (fstatvfs(shared_memory, &s)) return 0;
  return static_cast<int64_t>((s.f_blocks - s.f_bfree) * s.f_frsize);
}

void clear_shared_memory(int shared_memory) {
  struct statvfs s;
  // The folder itself is one.
  if (fstatvfs(shared_memory, &s) == 0 && s.f_files - s.f_ffree <= 1) return;
  clear_folder(shared_memory, 0);
}

}  // namespace amalgam::sandbox
