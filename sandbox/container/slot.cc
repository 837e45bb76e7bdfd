#include "sandbox/container/slot.h"

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "sandbox/container/init.h"
#include "sandbox/container/kvm.h"
#include "sandbox/container/layers_mount.h"
#include "sandbox/container/loopback.h"
#include "sandbox/container/overlay_root.h"
#include "sandbox/container/proc_mount.h"
#include "sandbox/container/user_map.h"
#include "sandbox/container/wire.h"
#include "sandbox/files/file_tree.h"

namespace amalgam::sandbox {
namespace {

// As root, each slot's code runs under a uid of its own that nobody else has.
constexpr unsigned kFirstOuterId = 2'000'000'000;
constexpr unsigned kNobody = 65534;

[[noreturn]] void fail(int socket, const std::string& what) {
  wire::send(socket, wire::Tag::kError, 0, 0,
             "sandbox slot: " + what + ": " + std::strerror(errno));
  _exit(1);
}

// groups: that it keeps, beside its own.
bool become(unsigned id, const std::vector<gid_t>& groups) {
  return setgroups(groups.size(), groups.data()) == 0 && setresgid(id, id, id) == 0 &&
         setresuid(id, id, id) == 0;
}

bool read_only(const char* path) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  return mount_setattr(AT_FDCWD, path, AT_RECURSIVE, &attributes, sizeof attributes) == 0;
}

// Shows `source` read-only at the same place below the new root, which is the current folder.
bool show(const std::string& source) {
  const std::string target = source.substr(1);
  struct stat s;
  if (lstat(source.c_str(), &s) != 0) return errno == ENOENT;
  if (S_ISLNK(s.st_mode)) {  // merged /usr: /bin is a link
    char to[256];
    const ssize_t n = readlink(source.c_str(), to, sizeof to - 1);
    if (n < 0) return false;
    to[n] = 0;
    return symlink(to, target.c_str()) == 0;
  }
  return mkdir(target.c_str(), 0755) == 0 &&
         mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0 &&
         read_only(target.c_str());
}

// Without which Java does not start; Debian's packages have them there.
bool show_settings_of_java() {
  glob_t found{};
  bool is_shown = true;
  if (glob("/etc/java-*-openjdk", 0, nullptr, &found) == 0)
    for (size_t i = 0; i < found.gl_pathc; ++i) is_shown &= show(found.gl_pathv[i]);
  globfree(&found);
  return is_shown;
}

// Read-only: the device can be written all the same, its times and mode cannot.
bool show_device(const char* path) {
  if (!Fd(open(path + 1, O_CREAT | O_WRONLY | O_CLOEXEC, 0666))) return false;
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  return mount(path, path + 1, nullptr, MS_BIND, nullptr) == 0 &&
         mount_setattr(AT_FDCWD, path + 1, 0, &attributes, sizeof attributes) == 0;
}

bool write_text(const char* path, const char* text) {
  const Fd fd(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  return fd && write_all(fd.get(), text) == 0;
}

// What this machine's owner added to the system's packages is not the sandbox's business.
bool hide(const char* folder) {
  struct stat s;
  if (stat(folder, &s) != 0) return errno == ENOENT;
  return mount("hidden", folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_RDONLY, "mode=0755,size=4k") ==
         0;
}

// Of every view, with the links beside them. /dev/tty is whatever terminal the process has.
constexpr const char* kDevices[] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                    "/dev/random", "/dev/urandom", "/dev/tty"};
constexpr const char* kDeviceLinks[][2] = {{"/proc/self/fd", "dev/fd"},
                                           {"/proc/self/fd/0", "dev/stdin"},
                                           {"/proc/self/fd/1", "dev/stdout"},
                                           {"/proc/self/fd/2", "dev/stderr"},
                                           {"pts/ptmx", "dev/ptmx"}};
constexpr const char* kFiles[][2] = {
    {"etc/passwd", "work:x:1000:1000::/work:/bin/sh\n"},
    {"etc/group", "work:x:1000:\n"},
    {"etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n"},
    {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"}};

// The whole file system that code in a sandbox will see, apart from what each has of its own
// (init). No /sys, nothing of /etc but what is made here. layers: see layers_mount.h; -1: none.
// empty_proc: see proc_mount.h; -1: a synthetic one, from `proc`.
void build_view(int socket, int layers, SlotDevices devices, int empty_proc, int proc) {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr)) fail(socket, "private mounts");
  if (mount("root", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=2m") || chdir("/tmp"))
    fail(socket, "tmpfs for the root");
  for (const char* path : {"/usr", "/bin", "/lib", "/lib64"})
    if (!show(path)) fail(socket, std::string("bind of ") + path);
  if (!hide("usr/local")) fail(socket, "tmpfs for /usr/local");
  for (const char* path : {"etc", "dev", "work", "proc", "dev/pts", "dev/shm"})
    if (mkdir(path, 0755)) fail(socket, "folders of the root");
  if (symlink("work", "tmp")) fail(socket, "folders of the root");
  if (empty_proc >= 0 ? !attach_proc(empty_proc, "proc") : !write_synthetic_proc(proc, "proc"))
    fail(socket, "/proc of the root");
  if (!show("/etc/alternatives")) fail(socket, "bind of /etc/alternatives");
  if (!show_settings_of_java()) fail(socket, "bind of /etc/java-*");
  for (const char* path : kDevices)
    if (!show_device(path)) fail(socket, std::string("bind of ") + path);
  for (const auto& [to, path] : kDeviceLinks)
    if (symlink(to, path)) fail(socket, "links of the root");
  if (devices == SlotDevices::kKvm && !show_device(kKvmDevice)) fail(socket, "bind of /dev/kvm");
  for (const auto& [path, text] : kFiles)
    if (!write_text(path, text)) fail(socket, "files of the root");
  const char* const layers_target = kLayersFolder + 1;
  if (layers >= 0 && (mkdir(layers_target, 0755) || !attach_layers(layers, layers_target)))
    fail(socket, "mount of the image store");
  // The old root is stacked under the new one and then dropped.
  if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
    fail(socket, "pivot_root");
  if (mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV,
            nullptr))
    fail(socket, "read-only root");
}

// Only the socket and standard streams on /dev/null stay open.
void close_all_but(int socket, int* kept) {
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd)
    if (null != fd) dup2(null, fd);
  const int low = fcntl(socket, F_DUPFD_CLOEXEC, 3);
  *kept = 3;
  if (low != 3) dup3(socket, 3, O_CLOEXEC);
  close_range(4, ~0U, 0);
}

// One sandbox, from its start to the death of its last process. It is made before its owner asks
// for it (init.h).
void run_sandbox(int socket, int proc, OwnProc own_proc, const std::vector<sock_filter>& filter) {
  const long child = syscall(SYS_clone,
                             CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                                 CLONE_NEWUTS | CLONE_NEWCGROUP | SIGCHLD,
                             nullptr, nullptr, nullptr, nullptr);
  if (child == 0) run_init(socket, proc, own_proc, filter);
  if (child < 0) fail(socket, "cannot clone");
  int status = 0;
  while (waitpid(static_cast<pid_t>(child), &status, __WALL) < 0 && errno == EINTR) {
  }
  // It could not be made, and said so: neither could the next one.
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) _exit(1);
  if (!wire::send(socket, wire::Tag::kSandboxGone)) _exit(0);
}

}  // namespace

void run_slot(int socket, int id, int launcher, const Cgroups& cgroups,
              const std::string& layers_folder, SlotDevices devices,
              const std::vector<sock_filter>& filter) {
  close_all_but(socket, &socket);
  if (!enter(cgroups)) fail(socket, "cannot enter its cgroup");
  const int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) fail(socket, "/proc");
  int layers = -1;
  // Root may have one where an ordinary user may not.
  int empty_proc = geteuid() == 0 ? open_empty_proc() : -1;
  if (geteuid() == 0) {
    const unsigned own_id = kFirstOuterId + static_cast<unsigned>(id);
    if (!layers_folder.empty() && (layers = open_layers_as(layers_folder, own_id, proc)) < 0)
      fail(socket, "id-mapped mount of the image store (does its file system have them?)");
    std::vector<gid_t> groups;
    struct stat kvm;
    if (devices == SlotDevices::kKvm && stat(kKvmDevice, &kvm) == 0) groups.push_back(kvm.st_gid);
    if (!become(own_id, groups) && !become(kNobody, groups)) fail(socket, "cannot give up root");
  }
  const unsigned outer = geteuid();
  if (getegid() != outer && setresgid(getegid(), getegid(), getegid())) fail(socket, "group");

  // Namespaces made by an unprivileged process are the same for root and for an ordinary user.
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS))
    fail(socket, "namespaces (are unprivileged user namespaces enabled?)");
  const rlimit no_core{1, 1};  // see init.cc
  setrlimit(RLIMIT_CORE, &no_core);
  // The change of rights made this process undumpable, its /proc files root's, and would have
  // forgotten the death signal.
  if (prctl(PR_SET_DUMPABLE, 1) || prctl(PR_SET_PDEATHSIG, SIGKILL)) fail(socket, "prctl");
  if (getppid() != launcher) _exit(0);
  if (!map_user(proc, kInnerId, outer)) fail(socket, "uid map");
  if (!layers_folder.empty() && layers < 0 && (layers = open_layers(layers_folder)) < 0)
    fail(socket, "image store");
  if (empty_proc < 0) empty_proc = open_empty_proc();
  const OwnProc own_proc{empty_proc >= 0 ? 0 : errno};
  bring_up_loopback(empty_proc);
  build_view(socket, layers, devices, empty_proc, proc);
  umask(022);
  if (setsid() < 0 && errno != EPERM) fail(socket, "setsid");
  // Addresses are part of what a program can print or hash.
  if (personality(ADDR_NO_RANDOMIZE) < 0) fail(socket, "personality");

  if (!wire::send(socket, wire::Tag::kSlotReady)) _exit(0);
  for (;;) run_sandbox(socket, proc, own_proc, filter);
}

}  // namespace amalgam::sandbox
