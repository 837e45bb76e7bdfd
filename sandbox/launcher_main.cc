// The launcher process. The owner is a big process with many threads: forking it per sandbox would
// copy its page tables, and a lasting fork would pin its memory. So the first sandbox starts, once,
// the own executable again (/proc/self/exe) under the name kLauncherName; the constructor below
// takes that process over before main() runs, in every program that links this library, tests
// included. The launcher is small and single-threaded; it forks slots (slot.h) on request and ends,
// with everything it made, when its owner ends. If it is killed, its slots and their sandboxes die
// with it and the owner starts another (launcher.h).
#include "sandbox/launcher_main.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <string>

#include "sandbox/seccomp_filter.h"
#include "sandbox/slot.h"
#include "sandbox/wire.h"

namespace amalgam::sandbox {
namespace {

using wire::Packet;
using wire::Tag;

constexpr int kTidyMs = 20;
constexpr double kShutdownSeconds = 5;

class LauncherMain {
 public:
  explicit LauncherMain(int control)
      : control_(control),
        pid_(getpid()),
        filter_(build_seccomp_filter(&filter_error_)),
        tree_(own()) {
    // Orphans come to us, so that a slot's cgroup is known to be empty.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, nullptr);
    signals_ = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    owner_ = static_cast<int>(syscall(SYS_pidfd_open, getppid(), 0));
  }

  void run() {
    while (serve_once()) {
    }
    for (const auto& [pid, id] : slots_) kill(pid, SIGKILL);
    const wire::Deadline deadline(kShutdownSeconds);
    do {
      tidy();
      poll(nullptr, 0, 2);
    } while ((!slots_.empty() || !to_remove_.empty()) && deadline.ms_left() > 0);
  }

 private:
  static Cgroups own() {
    return own_cgroups(read_all("/proc/self/mountinfo"), read_all("/proc/self/cgroup"));
  }

  static std::string read_all(const char* path) {
    std::string text;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char buffer[4096];
    for (ssize_t n; fd >= 0 && (n = read(fd, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<size_t>(n));
    if (fd >= 0) close(fd);
    return text;
  }

  // False when the owner is gone.
  bool serve_once() {
    pollfd p[3] = {{control_, POLLIN, 0}, {owner_, POLLIN, 0}, {signals_, POLLIN, 0}};
    const int ready = poll(p, 3, to_remove_.empty() ? -1 : kTidyMs);
    if (ready < 0) return errno == EINTR;
    if (p[1].revents) return false;
    signalfd_siginfo info[8];
    while (read(signals_, info, sizeof info) > 0) {
    }
    tidy();
    if (!p[0].revents) return true;
    Packet packet;
    if (wire::receive_from_owner(control_, &packet) != wire::Status::kOk) return false;
    switch (packet.tag) {
      case Tag::kNewSlot:
        return new_slot();
      case Tag::kKillSlot:
        for (const auto& [pid, id] : slots_)
          if (id == packet.code) kill(pid, SIGKILL);
        return true;
      case Tag::kDescribe:
        return wire::send(control_, Tag::kText, 0, 0, tree_.describe());
      default:
        return false;
    }
  }

  bool new_slot() {
    const int id = next_id_++;
    Cgroups cgroups;
    std::string error = filter_error_;
    int fds[2];
    if (filter_.empty() || !tree_.make(id, &cgroups, &error))
      return wire::send(control_, Tag::kError, 0, 0, error);
    to_remove_.insert(id);
    if (!wire::make_socket_pair(fds))
      return wire::send(control_, Tag::kError, 0, 0,
                        std::string("cannot make a socket: ") + std::strerror(errno));
    const pid_t pid = fork();
    if (pid == 0) {
      sigset_t none;
      sigemptyset(&none);
      sigprocmask(SIG_SETMASK, &none, nullptr);
      run_slot(fds[1], id, pid_, cgroups, filter_);
    }
    const int fork_error = errno;
    close(fds[1]);
    bool sent;
    if (pid > 0) {
      slots_[pid] = id;
      to_remove_.erase(id);
      sent = wire::send(control_, Tag::kSlot, id, pid, cgroups.serialize(), {fds[0]});
    } else {
      sent = wire::send(control_, Tag::kError, 0, 0,
                        std::string("cannot fork a slot: ") + std::strerror(fork_error));
    }
    close(fds[0]);
    return sent;
  }

  // Reaps dead slots and removes their cgroups, when the last process in them is gone.
  void tidy() {
    for (pid_t pid; (pid = waitpid(-1, nullptr, WNOHANG | __WALL)) > 0;) {
      const auto slot = slots_.find(pid);
      if (slot == slots_.end()) continue;
      to_remove_.insert(slot->second);
      slots_.erase(slot);
    }
    for (auto id = to_remove_.begin(); id != to_remove_.end();)
      id = tree_.remove(*id) ? to_remove_.erase(id) : std::next(id);
  }

  const int control_;
  const int pid_;
  std::string filter_error_;
  const std::vector<sock_filter> filter_;
  CgroupTree tree_;
  int signals_ = -1, owner_ = -1;
  int next_id_ = 0;
  std::map<pid_t, int> slots_;
  std::set<int> to_remove_;
};

}  // namespace

extern const char* const kLauncherName = "amalgam-sandbox-launcher";

namespace {

// Before every other constructor of the program.
[[gnu::constructor(101)]] void take_over(int argc, char** argv, char**) {
  if (argc != 1 || std::strcmp(argv[0], kLauncherName) != 0) return;
  prctl(PR_SET_NAME, "amalgam-sandbox");
  { LauncherMain(kLauncherControlFd).run(); }
  _exit(0);
}

}  // namespace
}  // namespace amalgam::sandbox
