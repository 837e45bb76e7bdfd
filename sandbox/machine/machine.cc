#include "sandbox/machine/machine.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "configs/clock.h"
#include "configs/error.h"
#include "sandbox/container/kvm.h"
#include "sandbox/container/overlay_root.h"
#include "sandbox/machine/guest_kernel.h"

namespace amalgam::sandbox {
namespace {

using wire::Deadline;
using wire::Packet;
using wire::Status;
using wire::Tag;

// Wide: an emulated processor on a busy machine is slow, a stuck guest must still be noticed.
constexpr double kBootSeconds = 180;
constexpr double kAnswerSeconds = 60, kAnswerBytesPerSecond = 1e6;
constexpr double kKillSeconds = 60;
constexpr double kMinLookSeconds = 0.02;

constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kKernelBytes = 96 * kMiB;  // the kernel, its own memory and the guest program
constexpr int64_t kQemuBytes = 512 * kMiB;   // QEMU beside the guest's memory

Deadline answer_deadline(size_t num_bytes) {
  return Deadline(kAnswerSeconds + static_cast<double>(num_bytes) / kAnswerBytesPerSecond);
}

// While it boots a guest holds the initramfs and the files unpacked from it, later the files and
// what the command uses.
int64_t guest_memory_bytes(const Limits& limits, int64_t initrd_bytes) {
  const int64_t bytes = kKernelBytes + initrd_bytes +
                        std::max(initrd_bytes, limits.memory_bytes + 2 * max_message_bytes(limits));
  return (bytes + kMiB - 1) / kMiB * kMiB;
}

Limits qemu_limits(int64_t memory_bytes) {
  Limits limits;
  limits.memory_bytes = memory_bytes;
  limits.cpu_seconds = limits.wall_seconds = 1e8;
  limits.disk_bytes = kMiB;
  limits.max_processes = 32;
  return limits;
}

std::string last_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

// One command under way.
struct Machine::Run {
  const Deadline wall;
  Deadline killed{1e9};
  uint64_t ended_for = 0;  // kCancelNow or kTimeOutNow once the guest was told
  bool is_wall_over = false;
  bool is_wanted = false;  // the guest has room for stdin
  size_t text_sent = 0;    // of the command's stdin_text
};

Machine::Machine(std::unique_ptr<Container> qemu, std::unique_ptr<Channel> channel,
                 const Limits& limits)
    : qemu_(std::move(qemu)), channel_(std::move(channel)), limits_(limits) {}

std::string why_no_machines() {
  if (access(kQemu, X_OK))
    return std::string("a virtual machine needs ") + kQemu +
           "; as root run: apt-get install qemu-system-x86";
  try {
    find_guest_kernel();
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

std::unique_ptr<Machine> Machine::boot(MachineType type, const Limits& limits, ImageStore* store,
                                       std::string* error) {
  *error = why_no_machines();
  if (!error->empty()) return nullptr;
  GuestImage image;
  try {
    image = prepare_guest_image(store);
  } catch (const Error& e) {
    *error = e.what();
    return nullptr;
  }
  const int64_t guest_bytes = guest_memory_bytes(limits, image.initrd_bytes);
  const bool is_kvm = why_no_kvm().empty();
  return start(qemu_command(type, is_kvm ? Accelerator::kKvm : Accelerator::kEmulation, guest_bytes,
                            std::string(kLayersFolder) + "/" + image.name),
               guest_bytes + kQemuBytes, store->machines_folder(),
               is_kvm ? SlotDevices::kKvm : SlotDevices::kNone, limits, error);
}

std::unique_ptr<Machine> Machine::start(const std::vector<std::string>& program,
                                        int64_t memory_bytes, const std::string& folder,
                                        SlotDevices devices, const Limits& limits,
                                        std::string* error) {
  std::unique_ptr<Container> qemu =
      Container::create_beside(folder, devices, qemu_limits(memory_bytes), error);
  if (!qemu) return nullptr;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
    *error = std::string("cannot make a machine's channel: ") + std::strerror(errno);
    return nullptr;
  }
  auto channel = std::make_unique<Channel>(ends[0], max_message_bytes(limits));
  if (!qemu->start_server({program}, ends[1], error)) return nullptr;
  std::unique_ptr<Machine> machine(new Machine(std::move(qemu), std::move(channel), limits));
  return machine->greet(error) ? std::move(machine) : nullptr;
}

// Waits for the guest to be ready.
bool Machine::greet(std::string* error) {
  const Deadline deadline(kBootSeconds);
  const std::string_view limits(reinterpret_cast<const char*>(&limits_), sizeof limits_);
  Packet packet;
  // The port takes it before there is a guest, which finds it there.
  if (channel_->send(Tag::kStart, 0, limits, deadline)) {
    const Status status = channel_->receive(&packet, deadline);
    if (status == Status::kOk && packet.tag == Tag::kReady) return true;
    if (status == Status::kOk && packet.tag == Tag::kError) {
      *error = "the machine's guest cannot start: " + last_line(packet.payload);
      return false;
    }
    if (status == Status::kTimeout) {
      *error = "a virtual machine did not start in " +
               std::to_string(static_cast<int>(kBootSeconds)) + " s";
      return false;
    }
  }
  *error = lost("a virtual machine ended at its start").detail;
  return false;
}

Result Machine::exec(const Command& command) {
  if (!channel_) return dead_;
  std::string error;
  if (!turn_.begin(&error)) return sandbox_failure(error);
  const auto begin = Clock::now();
  const double cpu_before = qemu_->server_cpu_seconds();
  const std::string packed = pack_command(command);
  const bool has_stdin = !command.stdin_text.empty() || command.stdin_fd >= 0;
  Result result;
  if (static_cast<int64_t>(packed.size()) > max_message_bytes(limits_)) {
    result.outcome = Outcome::kExit;
    result.exit_code = 126;
    result.err = "argument list too long";
  } else if (channel_->send(Tag::kExec, has_stdin, packed, answer_deadline(packed.size()))) {
    result = finish(command, cpu_before);
  } else {
    result = lost("a virtual machine ended before a command");
  }
  turn_.end();
  result.wall_seconds = seconds_since(begin);
  return result;
}

// Waits for the end of a command that was sent.
Result Machine::finish(const Command& command, double cpu_before) {
  Run run{Deadline(limits_.wall_seconds)};
  for (;;) {
    Packet packet;
    const Channel::Received received = channel_->receive(&packet);
    const double used = qemu_->server_cpu_seconds() - cpu_before;
    if (received == Channel::Received::kClosed) return lost("a virtual machine ended in a command");
    if (received == Channel::Received::kGarbage) return lost("a virtual machine speaks garbage");
    if (received == Channel::Received::kMessage) {
      if (packet.tag == Tag::kDone) {
        Result result = judge(packet, used);
        result.hit_wall_limit = run.is_wall_over && used <= limits_.cpu_seconds;
        return result;
      }
      if (packet.tag != Tag::kWantData) return lost("a virtual machine speaks garbage");
      run.is_wanted = true;
    }
    if (run.ended_for == 0) {
      if (run.is_wanted && !feed(&run, command)) return lost("a virtual machine takes no input");
      run.is_wall_over = run.wall.ms_left() == 0;
      if (used >= limits_.cpu_seconds || run.is_wall_over) end(&run, kTimeOutNow);
    }
    if (run.killed.ms_left() == 0) return lost("a command could not be killed");
    if (received == Channel::Received::kMessage) continue;  // there may be more

    const bool runs = run.ended_for == 0;
    // The earliest moment at which the CPU limit can be reached.
    const Deadline look(std::max(limits_.cpu_seconds - used, kMinLookSeconds));
    const int wait_ms = runs ? std::min(look.ms_left(), run.wall.ms_left()) : run.killed.ms_left();
    pollfd p[4] = {{channel_->fd(), POLLIN, 0},
                   {qemu_->server_end_fd(), POLLIN, 0},
                   {runs ? turn_.ending() : -1, POLLIN, 0},
                   {runs && run.is_wanted ? command.stdin_fd : -1, POLLIN, 0}};
    const int ready = poll(p, 4, wait_ms);
    if (ready < 0 && errno != EINTR) return lost("a command cannot be waited for");
    if (ready > 0 && p[2].revents) end(&run, kCancelNow);
    if (ready > 0 && p[1].revents && !p[0].revents)
      return lost("a virtual machine ended in a command");
  }
}

// What the guest says about a command that is over.
Result Machine::judge(const Packet& done, double cpu_seconds) {
  Result result;
  std::string_view rest;
  if (!unpack_result(done.payload, &result, &rest) || !rest.empty())
    return lost("a virtual machine speaks garbage");
  if (result.outcome == Outcome::kSandboxFailed) return lost("in a machine: " + result.detail);
  result.cpu_seconds = cpu_seconds;
  // As in a container: of what happened at the same time, the earlier in the list of outcomes.
  if (result.outcome != Outcome::kCancelled && result.outcome != Outcome::kProcessLimit &&
      result.outcome != Outcome::kMemory && cpu_seconds > limits_.cpu_seconds)
    result.outcome = Outcome::kTimeout;
  return result;
}

// Sends what there is of stdin, after the guest has asked for it.
bool Machine::feed(Run* run, const Command& command) {
  std::string chunk;
  if (run->text_sent < command.stdin_text.size()) {
    chunk = command.stdin_text.substr(run->text_sent, kMaxStdinBytes);
    run->text_sent += chunk.size();
  } else if (command.stdin_fd >= 0) {
    pollfd p{command.stdin_fd, POLLIN, 0};
    if (poll(&p, 1, 0) <= 0) return true;
    chunk.resize(kMaxStdinBytes);
    const ssize_t n = read(command.stdin_fd, chunk.data(), chunk.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    chunk.resize(n > 0 ? static_cast<size_t>(n) : 0);
  }
  run->is_wanted = false;
  return channel_->send(Tag::kData, 0, chunk, answer_deadline(chunk.size()));
}

void Machine::end(Run* run, uint64_t why) {
  if (run->ended_for) return;
  run->ended_for = why;
  run->killed = Deadline(kKillSeconds);
  // Failure shows at the next look at the channel.
  channel_->send(Tag::kKill, static_cast<int64_t>(why), {}, answer_deadline(0));
}

Result Machine::put_file(const std::string& path, const std::string& content) {
  if (!channel_) return dead_;
  if (static_cast<int64_t>(path.size() + content.size()) > max_message_bytes(limits_)) {
    Result result;
    result.outcome = Outcome::kDiskLimit;
    result.exit_code = 1;
    result.err = path + ": " + std::strerror(ENOSPC);
    return result;
  }
  const std::string payload = path + content;
  if (!channel_->send(Tag::kPut, static_cast<int64_t>(path.size()), payload,
                      answer_deadline(payload.size())))
    return lost("a virtual machine ended before a file was put");
  return file_answer(nullptr);
}

Result Machine::get_file(const std::string& path, std::string* content) {
  content->clear();
  if (!channel_) return dead_;
  if (path.size() > wire::kMaxPayload) return sandbox_failure("a path is too long");
  if (!channel_->send(Tag::kGet, 0, path, answer_deadline(path.size())))
    return lost("a virtual machine ended before a file was read");
  return file_answer(content);
}

Result Machine::file_answer(std::string* content) {
  Packet packet;
  Result result;
  std::string_view rest;
  const Deadline deadline = answer_deadline(static_cast<size_t>(limits_.disk_bytes));
  if (channel_->receive(&packet, deadline) != Status::kOk || packet.tag != Tag::kFileDone ||
      !unpack_result(packet.payload, &result, &rest) || (!content && !rest.empty()))
    return lost("a virtual machine ended or does not answer");
  if (result.outcome == Outcome::kSandboxFailed) return lost("in a machine: " + result.detail);
  if (content) content->assign(rest);
  return result;
}

// The machine is unusable; so is every later call.
Result Machine::lost(const std::string& why) {
  const std::string said = last_line(qemu_->server_messages());
  dead_ = sandbox_failure(said.empty() ? why : why + ": " + said);
  channel_.reset();
  qemu_.reset();
  return dead_;
}

}  // namespace amalgam::sandbox
