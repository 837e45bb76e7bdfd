#include "sandbox/machine/guest/boot.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "sandbox/container/wire.h"
#include "sandbox/files/fd.h"

namespace amalgam::sandbox::guest {
namespace {

constexpr double kPortSeconds = 30;
constexpr int kLookMs = 2;

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  DIR* const dir = opendir(folder.c_str());
  if (!dir) return names;
  while (const dirent* entry = readdir(dir))
    if (entry->d_name[0] != '.') names.push_back(entry->d_name);
  closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

std::string read_line(const std::string& path) {
  char line[256];
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t n = fd ? read(fd.get(), line, sizeof line) : 0;
  std::string text(line, n > 0 ? static_cast<size_t>(n) : 0);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

bool mount_new(const char* type, const char* target, unsigned long flags, const char* options) {
  if (mkdir(target, 0755) && errno != EEXIST) return false;
  return mount(type, target, type, flags, options) == 0;
}

}  // namespace

bool mount_system(const char** what) {
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  *what = "the root";
  // The initramfs itself cannot be pivoted away; a second mount of it can.
  constexpr const char* kRoot = "/root";
  if ((mkdir(kRoot, 0700) && errno != EEXIST) || mount("/", kRoot, nullptr, MS_BIND, nullptr) ||
      chdir(kRoot) || mount(".", "/", nullptr, MS_MOVE, nullptr) || chroot(".") || chdir("/"))
    return false;
  *what = "/dev, /proc or /sys";
  if (!mount_new("devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755") ||
      !mount_new("proc", "/proc", kFlags, nullptr) || !mount_new("sysfs", "/sys", kFlags, nullptr))
    return false;
  *what = "the cgroups";
  // Version 1, because there the peak of memory can be asked for each command.
  return mount("cgroups", "/sys/fs/cgroup", "tmpfs", kFlags, "mode=0755,size=64k") == 0 &&
         mount_new("cgroup", "/sys/fs/cgroup/memory", kFlags, "memory") &&
         mount_new("cgroup", "/sys/fs/cgroup/pids", kFlags, "pids") &&
         mount_new("cgroup", "/sys/fs/cgroup/cpuacct", kFlags, "cpuacct");
}

bool load_modules(const char** what) {
  *what = "a kernel module";
  for (const std::string& name : names_in(kModulesFolder)) {
    const std::string path = std::string(kModulesFolder) + "/" + name;
    const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd || syscall(SYS_finit_module, fd.get(), "", 0) != 0) return false;
  }
  *what = "the ban on more kernel modules";
  const Fd fd(open("/proc/sys/kernel/modules_disabled", O_WRONLY | O_CLOEXEC));
  return fd && write(fd.get(), "1", 1) == 1;
}

int open_port() {
  const std::string ports = "/sys/class/virtio-ports/";
  const wire::Deadline deadline(kPortSeconds);
  do {
    for (const std::string& port : names_in(ports)) {
      if (read_line(ports + port + "/name") != kPortName) continue;
      const int fd = open(("/dev/" + port).c_str(), O_RDWR | O_CLOEXEC);
      if (fd >= 0) return fd;
    }
    poll(nullptr, 0, kLookMs);
  } while (deadline.ms_left() > 0);
  return -1;
}

}  // namespace amalgam::sandbox::guest
