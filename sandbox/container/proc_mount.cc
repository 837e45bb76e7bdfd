#include "sandbox/container/proc_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "sandbox/files/fd.h"
#include "sandbox/files/file_tree.h"

namespace amalgam::sandbox {
namespace {

constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr size_t kMaxCopyBytes = 256 << 10;

// As in Docker's and Podman's default. What this kernel does not have is left out.
constexpr const char* kMaskedFiles[] = {"kcore",      "keys",        "latency_stats", "sched_debug",
                                        "timer_list", "timer_stats", "interrupts"};
constexpr const char* kMaskedFolders[] = {"acpi", "asound", "scsi"};
constexpr const char* kReadOnly[] = {"bus", "fs", "irq", "sys", "sysrq-trigger"};

// What is read of the machine's /proc and says nothing of its processes.
constexpr const char* kCopied[] = {"cpuinfo",
                                   "filesystems",
                                   "loadavg",
                                   "meminfo",
                                   "stat",
                                   "uptime",
                                   "version",
                                   "sys/kernel/osrelease",
                                   "sys/kernel/ostype",
                                   "sys/kernel/pid_max",
                                   "sys/net/core/somaxconn",
                                   "sys/vm/overcommit_memory"};
constexpr const char* kMounts = "root / tmpfs ro,nosuid,nodev 0 0\nwork /work tmpfs rw 0 0\n";

bool copy_text(int from, int to, const char* path) {
  std::string text;
  const Fd in(openat(from, path, O_RDONLY | O_CLOEXEC));
  char buffer[4096];
  for (ssize_t n; in && (n = read(in.get(), buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(n));
    if (text.size() > kMaxCopyBytes) break;
  }
  const Fd out(openat(to, path, O_CREAT | O_WRONLY | O_CLOEXEC, 0444));
  return out && write_all(out.get(), text) == 0;
}

bool write_text_at(int folder, const char* path, const char* text) {
  const Fd out(openat(folder, path, O_CREAT | O_WRONLY | O_CLOEXEC, 0444));
  return out && write_all(out.get(), text) == 0;
}

bool mask(const char* what, const char* with) {
  return mount(with, what, nullptr, MS_BIND, nullptr) == 0 || errno == ENOENT;
}

bool make_read_only(const char* what) {
  if (mount(what, what, nullptr, MS_BIND, nullptr)) return errno == ENOENT;
  return mount(nullptr, what, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | kFlags, nullptr) == 0;
}

}  // namespace

int open_empty_proc() {
  // The child shares our descriptors: its mount is left at the one that we hold open for it.
  const int place = fcntl(0, F_DUPFD_CLOEXEC, 3);
  if (place < 0) return -1;
  const long child =
      syscall(SYS_clone, CLONE_NEWPID | CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (child == 0) {
    const auto type = static_cast<int>(syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC));
    int mounted = -1;
    if (type >= 0 && syscall(SYS_fsconfig, type, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0)
      mounted = static_cast<int>(syscall(SYS_fsmount, type, FSMOUNT_CLOEXEC,
                                         MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
    int error = mounted >= 0 && dup3(mounted, place, O_CLOEXEC) == place ? 0 : errno;
    if (mounted >= 0) close(mounted);
    if (type >= 0) close(type);
    _exit(error);
  }
  int error = errno, status = 0;
  if (child > 0) {
    while (waitpid(static_cast<pid_t>(child), &status, 0) < 0 && errno == EINTR) {
    }
    error = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
  }
  if (error == 0) return place;
  close(place);
  errno = error;
  return -1;
}

bool attach_proc(int empty_proc, const char* target) {
  const Fd closer(empty_proc);
  return syscall(SYS_move_mount, empty_proc, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

bool write_synthetic_proc(int proc, const char* target) {
  const Fd folder(open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return false;
  const int at = folder.get();
  for (const char* path : {"self", "sys", "sys/kernel", "sys/net", "sys/net/core", "sys/vm"})
    if (mkdirat(at, path, 0755)) return false;
  for (const char* path : kCopied)
    if (!copy_text(proc, at, path)) return false;
  return write_text_at(at, "self/mounts", kMounts) && write_text_at(at, "self/cgroup", "0::/\n") &&
         symlinkat("self/mounts", at, "mounts") == 0;
}

bool mount_own_proc() {
  if (mount("proc", "/proc", "proc", kFlags, nullptr) || chdir("/proc")) return false;
  for (const char* name : kMaskedFiles)
    if (!mask(name, "/dev/null")) return false;
  // Nothing is mounted there yet, so it is an empty folder of the read-only root.
  for (const char* name : kMaskedFolders)
    if (!mask(name, "/dev/pts")) return false;
  for (const char* name : kReadOnly)
    if (!make_read_only(name)) return false;
  return chdir("/") == 0;
}

}  // namespace amalgam::sandbox
