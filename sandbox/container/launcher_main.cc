// The launcher process. The owner is a big process with many threads: forking it per sandbox would
// copy its page tables, and a lasting fork would pin its memory. So the first sandbox starts, once,
// the own executable again (/proc/self/exe) under the name kLauncherName; the constructor below
// takes that process over before main() runs, in every program that links this library, tests
// included. The launcher is small and single-threaded; it forks slots (slot.h) on request and ends,
// with everything it made, when its owner ends. If it is killed, its slots and their sandboxes die
// with it and the owner starts another (launcher.h).
#include "sandbox/container/launcher_main.h"

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
#include <string>

#include "sandbox/container/seccomp_filter.h"
#include "sandbox/container/slot.h"
#include "sandbox/container/wire.h"
#include "sandbox/files/fd.h"

namespace amalgam::sandbox {
namespace {

using wire::Packet;
using wire::Tag;

constexpr int kTidyMs = 20;
constexpr double kShutdownSeconds = 5;

struct SlotRecord {
  pid_t pid = 0;  // 0 when dead
  // The owner is done with it. Before that a dead slot's cgroup stays: it tells why it died.
  bool discarded = false;
};

class LauncherMain {
 public:
  explicit LauncherMain(int control)
      : control_(control),
        pid_(getpid()),
        tree_(own()),
        memory_files_(tree_.limits_memory() ? MemoryFiles::kAllowed : MemoryFiles::kForbidden),
        filter_(build_seccomp_filter(memory_files_, Calls::kOfCode, &filter_error_)) {
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
    for (auto& [id, slot] : slots_) discard(&slot);
    const wire::Deadline deadline(kShutdownSeconds);
    do {
      tidy();
      poll(nullptr, 0, 2);
    } while (!slots_.empty() && deadline.ms_left() > 0);
  }

 private:
  static Cgroups own() {
    return own_cgroups(read_all("/proc/self/mountinfo"), read_all("/proc/self/cgroup"));
  }

  static std::string read_all(const char* path) {
    std::string text;
    const Fd fd(open(path, O_RDONLY | O_CLOEXEC));
    char buffer[4096];
    for (ssize_t n; fd && (n = read(fd.get(), buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<size_t>(n));
    return text;
  }

  // False when the owner is gone.
  bool serve_once() {
    pollfd p[3] = {{control_, POLLIN, 0}, {owner_, POLLIN, 0}, {signals_, POLLIN, 0}};
    const int ready = poll(p, 3, is_tidy() ? -1 : kTidyMs);
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
        return new_slot(packet.payload, static_cast<SlotDevices>(packet.code));
      case Tag::kKillSlot:
        if (const auto slot = slots_.find(packet.code); slot != slots_.end())
          discard(&slot->second);
        return true;
      case Tag::kDescribe:
        return wire::send(control_, Tag::kText, 0, 0, tree_.describe());
      default:
        return false;
    }
  }

  bool new_slot(const std::string& layers_folder, SlotDevices devices) {
    const auto refuse = [this](const std::string& error) {
      return wire::send(control_, Tag::kError, 0, 0, error);
    };
    if (devices == SlotDevices::kKvm && kvm_filter_.empty())
      kvm_filter_ = build_seccomp_filter(memory_files_, Calls::kOfKvm, &filter_error_);
    const auto& filter = devices == SlotDevices::kKvm ? kvm_filter_ : filter_;
    if (filter.empty()) return refuse(filter_error_);
    const int id = next_id_++;
    SlotRecord& slot = slots_[id];
    slot.discarded = true;  // until it is the owner's
    Cgroups cgroups;
    std::string error;
    if (!tree_.make(id, &cgroups, &error)) return refuse(error);
    int fds[2];
    if (!wire::make_socket_pair(fds))
      return refuse(std::string("cannot make a socket: ") + std::strerror(errno));
    slot.pid = fork();
    if (slot.pid == 0) {
      sigset_t none;
      sigemptyset(&none);
      sigprocmask(SIG_SETMASK, &none, nullptr);
      run_slot(fds[1], id, pid_, cgroups, layers_folder, devices, filter);
    }
    const int fork_error = errno;
    close(fds[1]);
    slot.discarded = slot.pid < 0;
    const bool sent =
        slot.pid > 0 ? wire::send(control_, Tag::kSlot, id, slot.pid, cgroups.serialize(), {fds[0]})
                     : refuse(std::string("cannot fork a slot: ") + std::strerror(fork_error));
    close(fds[0]);
    return sent;
  }

  static void discard(SlotRecord* slot) {
    if (slot->pid > 0) kill(slot->pid, SIGKILL);
    slot->discarded = true;
  }

  bool is_tidy() const {
    for (const auto& [id, slot] : slots_)
      if (slot.discarded) return false;
    return true;
  }

  // Reaps dead slots, and removes the cgroups of those that the owner is done with when the last
  // process in them is gone.
  void tidy() {
    for (pid_t pid; (pid = waitpid(-1, nullptr, WNOHANG | __WALL)) > 0;)
      for (auto& [id, slot] : slots_)
        if (slot.pid == pid) slot.pid = 0;
    for (auto slot = slots_.begin(); slot != slots_.end();) {
      const bool done =
          slot->second.discarded && slot->second.pid <= 0 && tree_.remove(slot->first);
      slot = done ? slots_.erase(slot) : std::next(slot);
    }
  }

  const int control_;
  const int pid_;
  CgroupTree tree_;
  std::string filter_error_;
  const MemoryFiles memory_files_;
  const std::vector<sock_filter> filter_;
  std::vector<sock_filter> kvm_filter_;  // made when it is first needed
  int signals_ = -1, owner_ = -1;
  int next_id_ = 0;
  std::map<int, SlotRecord> slots_;  // by id
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
