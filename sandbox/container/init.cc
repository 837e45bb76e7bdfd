#include "sandbox/container/init.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sandbox/container/overlay_root.h"
#include "sandbox/container/own_mounts.h"
#include "sandbox/container/proc_mount.h"
#include "sandbox/container/user_map.h"
#include "sandbox/container/wire.h"
#include "sandbox/files/fd.h"
#include "sandbox/files/file_tree.h"
#include "sandbox/images/top.h"

namespace amalgam::sandbox {
namespace {

using wire::Packet;
using wire::Tag;

// A blob of the owner that stalls this long means that the owner is broken.
constexpr double kBlobSeconds = 30;
constexpr rlim_t kSpareProcesses = 16;
// The directory is full when a write of this size would fail.
constexpr int64_t kDiskSpareBytes = 16 << 10;

// Fixed, so that a command's result does not depend on who runs it.
constexpr const char* kEnvironment[] = {"PATH=/usr/bin:/bin", "HOME=/work", "LANG=C.UTF-8",
                                        "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1"};

[[noreturn]] void fail(int socket, const char* what) {
  wire::send(socket, Tag::kError, 0, 0,
             std::string("sandbox init: ") + what + ": " + std::strerror(errno));
  _exit(1);
}

bool drop_capabilities() {
  for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; ++cap)
    if (prctl(PR_CAPBSET_DROP, cap)) return false;
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)) return false;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  return syscall(SYS_capset, &header, none) == 0;
}

bool mount_work(int64_t disk_bytes) {
  // Inodes are kernel memory too: as many as there are pages.
  const int64_t pages = std::max<int64_t>(disk_bytes / 4096, 64);
  const std::string options =
      "mode=0755,size=" + std::to_string(disk_bytes) + ",nr_inodes=" + std::to_string(pages) +
      ",uid=" + std::to_string(kInnerId) + ",gid=" + std::to_string(kInnerId);
  return mount("work", "/work", "tmpfs", kTopMountFlags, options.c_str()) == 0 &&
         chdir("/work") == 0;
}

// The tree was written by hostile code: no symlink is followed, at any level, and only regular
// files are opened.

Fd open_beneath(const std::string& path, int flags, MakeFolders make_folders) {
  // On an image commands may have put a link in the place of /work.
  const Fd work(open("/work", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!work) return Fd();
  std::string name;
  const Fd parent = open_parent(work.get(), path, make_folders, &name);
  if (!parent) return Fd();
  Fd file(openat(parent.get(), name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644));
  struct stat s;
  if (!file || (fstat(file.get(), &s) == 0 && S_ISREG(s.st_mode))) return file;
  errno = EINVAL;
  return Fd();
}

int put(const std::string& path, const std::string& content) {
  const Fd fd = open_beneath(path, O_WRONLY | O_CREAT, MakeFolders::kYes);
  if (!fd || ftruncate(fd.get(), 0)) return errno;
  return write_all(fd.get(), content);
}

int get(const std::string& path, int64_t max_bytes, std::string* content) {
  content->clear();
  const Fd fd = open_beneath(path, O_RDONLY, MakeFolders::kNo);
  if (!fd) return errno;
  char buffer[wire::kMaxPayload];
  int error = 0;
  for (;;) {
    const ssize_t n = read(fd.get(), buffer, sizeof buffer);
    if (n == 0) break;
    if (n < 0) {
      if (errno == EINTR) continue;
      error = errno;
      break;
    }
    content->append(buffer, static_cast<size_t>(n));
    // A sparse file can be larger than the disk.
    if (static_cast<int64_t>(content->size()) > max_bytes) {
      error = EFBIG;
      break;
    }
  }
  if (error) content->clear();
  return error;
}

void limit(int resource, rlim_t soft, rlim_t hard) {
  const rlimit value{soft, hard};
  setrlimit(static_cast<__rlimit_resource>(resource), &value);
}

void set_limits(const StartRequest& request) {
  const Limits& l = request.limits;
  // A backstop: the owner measures all processes together and stops them earlier.
  const rlim_t cpu = static_cast<rlim_t>(std::ceil(l.cpu_seconds)) + 1;
  limit(RLIMIT_CPU, cpu, cpu + 1);
  // With init itself. Where a cgroup limits and counts, this one stays out of its way.
  const rlim_t processes =
      static_cast<rlim_t>(l.max_processes) + (request.limit_processes ? 1 : kSpareProcesses);
  limit(RLIMIT_NPROC, processes, processes);
  limit(RLIMIT_FSIZE, static_cast<rlim_t>(l.disk_bytes), static_cast<rlim_t>(l.disk_bytes));
  limit(RLIMIT_NOFILE, kEndFd + 1, kEndFd + 1);
  // With 0 a crash would still feed the program that core_pattern names, outside; with 1 it does
  // not (core(5)). The system call filter keeps it so.
  limit(RLIMIT_CORE, 1, 1);
  limit(RLIMIT_MEMLOCK, 0, 0);
  limit(RLIMIT_STACK, 8 << 20, 8 << 20);  // part of the address layout
  limit(RLIMIT_SIGPENDING, 128, 128);
  if (request.limit_address_space)
    limit(RLIMIT_AS, static_cast<rlim_t>(l.memory_bytes), static_cast<rlim_t>(l.memory_bytes));
}

int64_t children_max_rss_bytes() {
  rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  return usage.ru_maxrss * int64_t{1024};
}

int64_t children_cpu_us() {
  rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * int64_t{1000000} +
         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

bool is_disk_full(int top) {
  struct statvfs s;
  if (fstatvfs(top, &s)) return false;
  return static_cast<int64_t>(s.f_bavail * s.f_bsize) < kDiskSpareBytes || s.f_favail == 0;
}

// How many there were.
int kill_everything() {
  for (int n = 0;;) {
    kill(-1, SIGKILL);
    if (waitpid(-1, nullptr, __WALL) > 0)
      ++n;
    else if (errno == ECHILD)
      return n;
  }
}

// A process's program and surroundings, as pointers into the strings of a kExec.
struct Program {
  const char* directory = nullptr;
  std::vector<char*> argv, environment;  // each ended by nullptr
};

// False for strings that no owner of ours sends.
bool parse_program(std::string& strings, int num_environment, Program* program) {
  std::vector<char*> all;
  for (size_t at = 0; at < strings.size(); at += std::strlen(&strings[at]) + 1)
    all.push_back(&strings[at]);
  const auto num_own = static_cast<size_t>(num_environment);
  if (strings.empty() || strings.back() != 0 || num_environment < 0 || all.size() < num_own + 2)
    return false;
  program->directory = all[0];
  program->environment.assign(all.begin() + 1, all.begin() + 1 + static_cast<long>(num_own));
  program->argv.assign(all.begin() + 1 + static_cast<long>(num_own), all.end());
  // The first of two with one name counts, so the command's own come first.
  for (const char* fixed : kEnvironment) {
    const size_t name = static_cast<size_t>(std::strchr(fixed, '=') + 1 - fixed);
    const bool is_set = std::any_of(program->environment.begin(), program->environment.end(),
                                    [&](char* e) { return std::strncmp(e, fixed, name) == 0; });
    if (!is_set) program->environment.push_back(const_cast<char*>(fixed));
  }
  program->environment.push_back(nullptr);
  program->argv.push_back(nullptr);
  return true;
}

class Init {
 public:
  Init(int socket, const StartRequest& request, Top top, int shared_memory, Fd terminal)
      : socket_(socket),
        request_(request),
        top_(top),
        shared_memory_(shared_memory),
        terminal_(std::move(terminal)) {
    null_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, nullptr);
    signals_ = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (null_ < 0 || signals_ < 0) fail(socket_, "open");
  }

  [[noreturn]] void serve() {
    Packet packet;
    std::string data;
    while (wire::receive_from_owner(socket_, &packet) == wire::Status::kOk) {
      bool alive = true;
      switch (packet.tag) {
        case Tag::kPut:
          alive = serve_put(packet);
          break;
        case Tag::kGet: {
          const int error = get(packet.payload, request_.limits.disk_bytes, &data);
          alive = wire::send(socket_, Tag::kFileDone, error, static_cast<int64_t>(data.size())) &&
                  wire::send_data(socket_, data);
          break;
        }
        case Tag::kOpenTop:
          alive = wire::send(socket_, Tag::kFileDone, 0, 0, {}, {top_.writable});
          break;
        case Tag::kChange:
          alive = wire::receive_data(socket_, packet.value, &data, wire::Deadline(kBlobSeconds)) ==
                      wire::Status::kOk &&
                  wire::send(socket_, Tag::kFileDone,
                             apply_change(top_.visible, packet.payload,
                                          static_cast<unsigned>(packet.code), data));
          break;
        case Tag::kExec:
          alive = wire::receive_data(socket_, packet.value, &data, wire::Deadline(kBlobSeconds)) ==
                      wire::Status::kOk &&
                  exec(data, packet.code, packet.fds);
          break;
        case Tag::kKill:  // the command ended while it was on its way
          break;
        default:
          alive = false;
      }
      if (!alive) break;
    }
    _exit(0);  // the kernel kills the rest of the process namespace
  }

 private:
  bool serve_put(const Packet& packet) {
    std::string data;
    return wire::receive_data(socket_, packet.value, &data, wire::Deadline(kBlobSeconds)) ==
               wire::Status::kOk &&
           wire::send(socket_, Tag::kFileDone, put(packet.payload, data));
  }

  bool exec(std::string& strings, int num_environment, const std::vector<int>& fds) {
    Program program;
    // Closed when the command holds it: its end is then seen at the other side.
    const Fd terminal = fds.empty() ? std::move(terminal_) : Fd();
    if ((fds.size() < 2 && !terminal) || !parse_program(strings, num_environment, &program))
      return false;
    const size_t out_at = fds.size() > 2 ? 1 : 0;
    const int in = terminal ? terminal.get() : out_at ? fds[0] : null_;
    const int out = terminal ? terminal.get() : fds[out_at];
    const int err = terminal ? terminal.get() : fds[out_at + 1];
    const int end = fds.size() > 3 ? fds[3] : -1;

    const int64_t cpu_before = children_cpu_us();
    int start_error = 0;
    const pid_t child = start(program, in, out, err, end, &start_error);
    for (const int fd : fds) close(fd);
    if (child < 0)
      return wire::send(socket_, Tag::kError, 0, 0,
                        std::string("cannot fork the command: ") + std::strerror(start_error));
    int status = 0;
    const bool owner_alive = wait_command(child, &status);
    ExecReport report;
    report.is_disk_full = is_disk_full(top_.writable);
    report.num_left = kill_everything();
    clear_shared_memory(shared_memory_);
    report.max_rss_bytes = children_max_rss_bytes();
    std::string payload(reinterpret_cast<const char*>(&report), sizeof report);
    if (start_error)
      payload += std::string("cannot run ") + program.argv[0] + ": " + std::strerror(start_error);
    return owner_alive && wire::send(socket_, Tag::kDone, status, children_cpu_us() - cpu_before,
                                     std::string_view(payload).substr(0, wire::kMaxPayload));
  }

  // vfork: the child borrows our memory until execve, so a start costs no page tables.
  pid_t start(const Program& program, int in, int out, int err, int end, volatile int* error) {
    const pid_t child = vfork();
    if (child != 0) {
      if (child < 0) *error = errno;
      return child;
    }
    // Received fds are above 2 in any case: init itself keeps 0, 1 and 2 open.
    if (setsid() < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 ||
        (end >= 0 && dup2(end, kEndFd) < 0) || (in == out && ioctl(0, TIOCSCTTY, 0)) ||
        (program.directory[0] && chdir(program.directory))) {
      *error = errno;
      _exit(126);
    }
    set_limits(request_);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execve(program.argv[0], program.argv.data(), program.environment.data());
    *error = errno;
    _exit(errno == ENOENT ? 127 : 126);
  }

  // Until the command's first process is dead or the owner says so. False: the owner is gone.
  bool wait_command(pid_t command, int* command_status) {
    for (;;) {
      pollfd p[2] = {{signals_, POLLIN, 0}, {socket_, POLLIN, 0}};
      if (poll(p, 2, -1) < 0) continue;  // EINTR
      signalfd_siginfo info[8];
      while (read(signals_, info, sizeof info) > 0) {
      }
      int status;
      for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0;) {
        if (pid != command) continue;
        *command_status = status;
        return true;
      }
      if (p[1].revents == 0) continue;
      Packet packet;
      if (wire::receive_from_owner(socket_, &packet) != wire::Status::kOk) return false;
      if (packet.tag == Tag::kPut) {
        if (!serve_put(packet)) return false;
        continue;
      }
      if (packet.tag != Tag::kKill) return false;
      *command_status = SIGKILL;
      return true;
    }
  }

  const int socket_;
  const StartRequest& request_;
  const Top top_;
  const int shared_memory_;
  Fd terminal_;
  int null_ = -1, signals_ = -1;
};

// Signals that a command sends to process 1 of its namespace are dropped if nothing handles them;
// a runtime that was linked in (a sanitizer's) may have set handlers.
void remove_signal_handlers() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN)
      signal(number, SIG_DFL);
  }
}

// Until the owner wants a sandbox. layers: of its image (overlay_root.h); empty: its root is the
// slot's view.
StartRequest wait_for_start(int socket, std::string* layers) {
  Packet packet;
  do {
    if (wire::receive_from_owner(socket, &packet) != wire::Status::kOk) _exit(0);
  } while (packet.tag != Tag::kStart);  // sent to a sandbox that had just died
  StartRequest request;
  if (packet.payload.size() < sizeof request) _exit(1);
  std::memcpy(&request, packet.payload.data(), sizeof request);
  *layers = packet.payload.substr(sizeof request);
  return request;
}

}  // namespace

void run_init(int socket, int proc, OwnProc own_proc, const std::vector<sock_filter>& filter) {
  remove_signal_handlers();
  // Dies with its slot. (The owner's death is seen on the socket as well.)
  if (prctl(PR_SET_PDEATHSIG, SIGKILL)) fail(socket, "pdeathsig");
  if (!map_user(proc, kInnerId, kInnerId)) fail(socket, "uid map");
  close(proc);
  if (sethostname("sandbox", 7)) fail(socket, "hostname");
  if (own_proc.error == 0 && !mount_own_proc()) fail(socket, "mount of /proc");
  if (!mount_terminals()) fail(socket, "mount of /dev/pts");

  std::string layers;
  const StartRequest request = wait_for_start(socket, &layers);
  if (!mount_shared_memory(request.limits.memory_bytes)) fail(socket, "mount of /dev/shm");
  const char* what = "mount of the writable directory";
  Top top;
  if (!layers.empty()) {
    top.writable = enter_overlay_root(layers, request.limits.disk_bytes, &what);
    top.visible = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  } else if (mount_work(request.limits.disk_bytes)) {
    top.writable = open("/work", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    top.visible = top.writable;
  }
  if (top.writable < 0 || top.visible < 0) fail(socket, what);
  const Fd shared_memory(open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!shared_memory) fail(socket, "/dev/shm");
  Fd terminal, inner_terminal;
  if (request.has_terminal) {
    terminal = make_terminal(&inner_terminal);
    if (!terminal) fail(socket, "terminal");
  }
  if (!drop_capabilities()) fail(socket, "dropping capabilities");
  if (prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    fail(socket, "no_new_privs");
  Init init(socket, request, top, shared_memory.get(), std::move(inner_terminal));
  const sock_fprog program{static_cast<unsigned short>(filter.size()),
                           const_cast<sock_filter*>(filter.data())};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)) fail(socket, "seccomp");
  std::vector<int> shown = {shared_memory.get()};
  if (terminal) shown.push_back(terminal.get());
  if (!wire::send(socket, Tag::kReady, own_proc.error, 0, {}, shown)) _exit(1);
  terminal = Fd();
  init.serve();
}

}  // namespace amalgam::sandbox
