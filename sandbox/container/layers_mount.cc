#include "sandbox/container/layers_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/files/file_tree.h"

namespace amalgam::sandbox {
namespace {

constexpr unsigned kMapSeconds = 10;

bool write_map(int proc, pid_t pid, const char* file, unsigned owner) {
  const std::string path = std::to_string(pid) + "/" + file;
  const std::string map = "0 " + std::to_string(owner) + " 1";
  const Fd fd(openat(proc, path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && write(fd.get(), map.data(), map.size()) == static_cast<ssize_t>(map.size());
}

// A user namespace that maps 0 to `owner`; a short-lived child makes it.
Fd make_map(unsigned owner, int proc) {
  const long child =
      syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (child == 0) {
    // It must not outlive us; the alarm is for a parent that died before this line.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(kMapSeconds);
    for (;;) pause();
  }
  if (child < 0) return Fd();
  const auto pid = static_cast<pid_t>(child);
  Fd map;
  if (write_map(proc, pid, "uid_map", owner) && write_map(proc, pid, "gid_map", owner))
    map = Fd(openat(proc, (std::to_string(pid) + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  kill(pid, SIGKILL);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return map;
}

int clone_mount(const std::string& folder) {
  return static_cast<int>(
      syscall(SYS_open_tree, AT_FDCWD, folder.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

}  // namespace

int open_layers_as(const std::string& folder, unsigned owner, int proc) {
  const Fd map = make_map(owner, proc);
  if (!map) return -1;
  const int layers = clone_mount(folder);
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(map.get());
  if (layers >= 0 && mount_setattr(layers, "", AT_EMPTY_PATH, &attributes, sizeof attributes)) {
    close(layers);
    return -1;
  }
  return layers;
}

int open_layers(const std::string& folder) { return clone_mount(folder); }

bool attach_layers(int layers, const char* target) {
  const Fd closer(layers);
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  return syscall(SYS_move_mount, layers, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) == 0 &&
         mount_setattr(AT_FDCWD, target, 0, &attributes, sizeof attributes) == 0;
}

}  // namespace amalgam::sandbox
