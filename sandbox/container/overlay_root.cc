#include "sandbox/container/overlay_root.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "sandbox/images/top.h"

namespace amalgam::sandbox {
namespace {

// In the current directory. What an image has there may be a link, which must not be followed.
bool make_folder(const char* name, mode_t mode) {
  if (mkdir(name, 0755) == 0) return chmod(name, mode) == 0;
  struct stat s;
  if (errno != EEXIST || lstat(name, &s)) return false;
  errno = ENOTDIR;
  return S_ISDIR(s.st_mode);
}

}  // namespace

int enter_overlay_root(const std::string& layers, int64_t disk_bytes, const char** what) {
  // The top's tmpfs goes on the slot's /work, which nobody sees once the root is another.
  const int64_t inodes = std::max<int64_t>(disk_bytes / 4096, 64);
  const std::string tmpfs =
      "mode=0755,size=" + std::to_string(disk_bytes) + ",nr_inodes=" + std::to_string(inodes);
  *what = "mount of the image's top";
  if (mount("top", "/work", "tmpfs", kTopMountFlags, tmpfs.c_str()) || mkdir("/work/upper", 0755) ||
      mkdir("/work/overlay", 0755) || mkdir("/work/root", 0755))
    return -1;
  const int top = open("/work/upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (top < 0) return -1;
  *what = "overlay of the image's layers";
  const std::string overlay =
      "lowerdir=" + layers + ",upperdir=/work/upper,workdir=/work/overlay,userxattr";
  if (chdir(kLayersFolder) ||
      mount("root", "/work/root", "overlay", kTopMountFlags, overlay.c_str()) ||
      chdir("/work/root"))
    return -1;
  *what = "folders of the image's root (/dev, /proc, /work and /tmp must be folders)";
  if (!make_folder("dev", 0755) || !make_folder("proc", 0755) || !make_folder("work", 0755) ||
      !make_folder("tmp", 01777))
    return -1;
  *what = "root of the image";
  if (mount("/dev", "dev", nullptr, MS_BIND | MS_REC, nullptr) ||
      mount("/proc", "proc", nullptr, MS_BIND | MS_REC, nullptr) ||
      syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/work"))
    return -1;
  return top;
}

}  // namespace amalgam::sandbox
