#include "sandbox/container/launcher.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "sandbox/container/launcher_main.h"
#include "sandbox/container/wire.h"

namespace amalgam::sandbox {
namespace {

using wire::Packet;
using wire::Status;
using wire::Tag;

constexpr double kKillLauncherSeconds = 5;
// Each holds a process of about 1 MB.
constexpr size_t kMaxIdleSlots = 64;
constexpr rlim_t kMaxDescriptors = 1 << 16;
// Every program with this library can be the launcher, so the running one is. A sanitizer that
// starts threads of its own is no launcher; CMakeLists.txt then names another program.
#ifndef AMALGAM_SANDBOX_LAUNCHER
#define AMALGAM_SANDBOX_LAUNCHER "/proc/self/exe"
#endif

// posix_spawn: no copy of this process, whatever its size and threads. The child keeps its end of
// the control socket only; everything else of ours that is not close-on-exec ends there as well.
pid_t spawn_launcher(int child_end) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, child_end, kLauncherControlFd);
  posix_spawn_file_actions_addclosefrom_np(&actions, kLauncherControlFd + 1);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  // A session of its own: Ctrl-C on the terminal is the owner's to handle.
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  char* argv[] = {const_cast<char*>(kLauncherName), nullptr};
  // Nothing of our environment but what the dynamic linker may need to start the same executable.
  std::string library_path = "LD_LIBRARY_PATH=";
  const char* const value = std::getenv("LD_LIBRARY_PATH");
  if (value) library_path += value;
  char* environment[] = {value ? library_path.data() : nullptr, nullptr};
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, AMALGAM_SANDBOX_LAUNCHER, &actions, &attributes, argv, environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  errno = error;
  return error ? 0 : pid;
}

}  // namespace

// And the kernel counts descriptors on their way between processes per user: without this, hostile
// code that leaves some of its own underway could stop ours where both are one user.
void raise_descriptor_limit() {
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= files.rlim_max) return;
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, kMaxDescriptors);
  setrlimit(RLIMIT_NOFILE, &files);
}

Slot::~Slot() {
  if (socket >= 0) close(socket);
}

Launcher& Launcher::instance() {
  static Launcher* const launcher = new Launcher;
  return *launcher;
}

void Launcher::stop() {
  if (control_ >= 0) close(control_);
  control_ = -1;
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    const wire::Deadline deadline(kKillLauncherSeconds);
    while (waitpid(pid_, nullptr, WNOHANG) == 0 && deadline.ms_left() > 0) poll(nullptr, 0, 1);
  }
  pid_ = 0;
  idle_.clear();
}

bool Launcher::ensure_started(std::string* error) {
  if (pid_ > 0) {
    if (waitpid(pid_, nullptr, WNOHANG) == 0) return true;
    pid_ = 0;  // it was killed; so were its slots
    stop();
  }
  raise_descriptor_limit();
  int fds[2];
  if (!wire::make_socket_pair(fds)) {
    *error = std::string("cannot make a socket for the sandbox launcher: ") + std::strerror(errno);
    return false;
  }
  // dup2 onto the same number would keep close-on-exec, so that number is avoided.
  const int child_end = fcntl(fds[1], F_DUPFD_CLOEXEC, kLauncherControlFd + 1);
  close(fds[1]);
  pid_ = child_end >= 0 ? spawn_launcher(child_end) : 0;
  if (pid_ == 0) *error = std::string("cannot start the sandbox launcher: ") + std::strerror(errno);
  if (child_end >= 0) close(child_end);
  if (pid_ == 0) {
    close(fds[0]);
    return false;
  }
  control_ = fds[0];
  ++number_;
  return true;
}

std::unique_ptr<Slot> Launcher::make_slot(const std::string& layers_folder, SlotDevices devices,
                                          std::string* error) {
  Packet packet;
  if (!wire::send(control_, Tag::kNewSlot, static_cast<int32_t>(devices), 0, layers_folder) ||
      wire::receive(control_, &packet, wire::Deadline(wire::kAnswerSeconds)) != Status::kOk) {
    *error = "the sandbox launcher died or does not answer";
    stop();
    return nullptr;
  }
  if (packet.tag != Tag::kSlot || packet.fds.size() != 1) {
    *error = packet.payload;
    return nullptr;
  }
  auto slot = std::make_unique<Slot>();
  slot->socket = packet.fds[0];
  slot->id = packet.code;
  slot->pid = static_cast<pid_t>(packet.value);
  slot->launcher_number = number_;
  slot->layers_folder = layers_folder;
  slot->devices = devices;
  slot->cgroups = Cgroups::parse(packet.payload);
  return slot;
}

std::unique_ptr<Slot> Launcher::take_idle(const std::string& layers_folder, SlotDevices devices) {
  for (auto it = idle_.begin(); it != idle_.end();) {
    if ((*it)->layers_folder != layers_folder || (*it)->devices != devices) {
      ++it;
      continue;
    }
    std::unique_ptr<Slot> slot = std::move(*it);
    it = idle_.erase(it);
    pollfd p{slot->socket, POLLIN, 0};
    if (poll(&p, 1, 0) >= 0 && !(p.revents & (POLLHUP | POLLERR))) return slot;
    discard_locked(*slot);
  }
  return nullptr;
}

std::unique_ptr<Slot> Launcher::acquire(std::string* error, const std::string& layers_folder,
                                        SlotDevices devices) {
  for (;;) {
    std::unique_ptr<Slot> slot;
    bool fresh = false;
    {
      std::lock_guard lock(mutex_);
      if (!ensure_started(error)) return nullptr;
      slot = take_idle(layers_folder, devices);
      if (!slot) {
        slot = make_slot(layers_folder, devices, error);
        if (!slot) return nullptr;
        fresh = true;
      }
    }
    if (!fresh && !slot->closing) return slot;
    // A new slot says that it is ready, a reused one that its last sandbox is gone.
    const Tag awaited = fresh ? Tag::kSlotReady : Tag::kSandboxGone;
    const wire::Deadline deadline(wire::kAnswerSeconds);
    Packet packet;
    Status status;
    do {
      status = wire::receive(slot->socket, &packet, deadline);
    } while (status == Status::kOk && packet.tag != awaited && packet.tag != Tag::kError);
    if (status == Status::kOk && packet.tag == awaited) {
      slot->closing = false;
      return slot;
    }
    if (fresh) {
      *error = status == Status::kOk        ? packet.payload
               : status == Status::kTimeout ? "a new sandbox slot does not answer"
                                            : "a new sandbox slot died";
      discard(std::move(slot));
      return nullptr;
    }
    discard(std::move(slot));
  }
}

void Launcher::release(std::unique_ptr<Slot> slot) {
  std::lock_guard lock(mutex_);
  if (slot->launcher_number == number_ && idle_.size() < kMaxIdleSlots)
    idle_.push_back(std::move(slot));
  else
    discard_locked(*slot);
}

void Launcher::discard(std::unique_ptr<Slot> slot) {
  std::lock_guard lock(mutex_);
  discard_locked(*slot);
}

void Launcher::discard_locked(const Slot& slot) {
  // Failure means that the launcher is dead, and the slot with it.
  if (slot.launcher_number == number_ && control_ >= 0)
    wire::send(control_, Tag::kKillSlot, slot.id);
}

std::string Launcher::describe(std::string* error) {
  std::lock_guard lock(mutex_);
  if (!ensure_started(error)) return {};
  Packet packet;
  if (wire::send(control_, Tag::kDescribe) &&
      wire::receive(control_, &packet, wire::Deadline(wire::kAnswerSeconds)) == Status::kOk)
    return packet.payload;
  *error = "the sandbox launcher died or does not answer";
  stop();
  return {};
}

pid_t Launcher::pid() {
  std::lock_guard lock(mutex_);
  return pid_;
}

}  // namespace amalgam::sandbox
