#include "sandbox/container/container.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "configs/clock.h"
#include "sandbox/container/slot.h"
#include "sandbox/container/wire.h"
#include "sandbox/files/file_tree.h"

namespace amalgam::sandbox {
namespace {

using wire::Deadline;
using wire::kAnswerSeconds;
using wire::Packet;
using wire::Status;
using wire::Tag;

// CPU time of running processes that the kernel may not have counted: more than a tick of some.
constexpr double kUncountedSeconds = 0.1;
constexpr size_t kMaxArgvBytes = 1 << 20;
constexpr int64_t kMaxServerMessages = 64 << 10;

// The sandboxed code's own doing, in the way a shell would report it.
Result refused(Outcome outcome, int exit_code, std::string message) {
  Result result;
  result.outcome = outcome;
  result.exit_code = exit_code;
  result.err = std::move(message);
  return result;
}

// The strings of a kExec (init.h). False when one of them holds a 0 byte.
bool pack(const Command& command, std::string* strings) {
  const auto add = [&](const std::string& s) { *strings += s + '\0'; };
  add(command.working_directory);
  for (const std::string& variable : command.environment) add(variable);
  for (const std::string& argument : command.argv) add(argument);
  const auto num_ends = std::count(strings->begin(), strings->end(), '\0');
  return static_cast<size_t>(num_ends) == 1 + command.environment.size() + command.argv.size();
}

bool is_relative_path(const std::string& path) {
  if (path.empty() || path.size() > kMaxPathBytes || path.find('\0') != std::string::npos)
    return false;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    if (name.empty() || name == "." || name == "..") return false;
    begin = end + 1;
  }
  return true;
}

}  // namespace

struct Container::Running {
  Running(const Slot& slot, int shared_memory, int64_t output_bytes)
      : io(output_bytes),
        meter(slot, shared_memory),
        refused_forks(num_refused_forks(slot.cgroups)) {}
  // Time and memory are measured from here on.
  void begin_measuring(const Slot& slot) {
    reset_peak_memory(slot.cgroups);
    startup_seconds += meter.restart();
  }
  CommandIo io;
  CpuMeter meter;
  const int64_t refused_forks;  // before it
  Clock::time_point begin = Clock::now();
  double startup_seconds = 0;  // CPU time before it was needed, which does not count
};

Container::Container(std::unique_ptr<Slot> slot, const Limits& limits)
    : slot_(std::move(slot)), limits_(limits), oom_kills_(num_oom_kills(slot_->cgroups)) {}

Container::~Container() {
  if (!slot_) return;
  // A running program, started but never used, holds init up.
  if ((started_ && !wire::send(slot_->socket, Tag::kKill)) ||
      !wire::send(slot_->socket, Tag::kExit)) {
    Launcher::instance().discard(std::move(slot_));
    return;
  }
  slot_->closing = true;
  Launcher::instance().release(std::move(slot_));
}

Result Container::exec(const Command& command) {
  if (!becomes_ready()) return dead_;
  Running running(*slot_, shared_memory_.get(), limits_.output_bytes);
  std::string error;
  if (!open_io(command, &running.io, &error) || !turn_.begin(&error)) return sandbox_failure(error);
  reset_peak_memory(slot_->cgroups);
  Result result;
  if (send(command, &running.io, &result)) {
    if (command.stdin_fd >= 0) running.io.feed(command.stdin_text, command.stdin_fd);
    result = finish(&running);
  }
  turn_.end();
  return result;
}

bool Container::open_io(const Command& command, CommandIo* io, std::string* error) {
  io->send_to(command.out_fd, command.err_fd);
  if (command.is_on_terminal) {
    if (terminal_) return io->open_terminal(terminal_.get(), error);
    *error = "the sandbox has no terminal";
    return false;
  }
  return command.stdin_fd >= 0 ? io->open_fed(error) : io->open(command.stdin_text, error);
}

bool Container::start(const Command& command, std::string* error) {
  auto running = std::make_unique<Running>(*slot_, shared_memory_.get(), limits_.output_bytes);
  Result refusal;
  const bool is_measured =
      !slot_->cgroups.memory.folder.empty() && !slot_->cgroups.cpu.folder.empty();
  if (!(is_measured ? running->io.open_announced(error) : running->io.open_fed(error)))
    return false;
  if (!send(command, &running->io, &refusal)) {
    *error = refusal.detail + refusal.err;
    return false;
  }
  char ready;
  pollfd p[2] = {{running->io.out_fd(), POLLIN, 0}, {slot_->socket, POLLIN, 0}};
  const Deadline deadline(kAnswerSeconds);
  int num_ready;
  do {
    num_ready = poll(p, 2, deadline.ms_left());
  } while (num_ready < 0 && errno == EINTR);
  if (num_ready <= 0 || p[1].revents || read(p[0].fd, &ready, 1) != 1) {
    *error = std::string("cannot start ") + command.argv[0] + " ahead of its use";
    Launcher::instance().discard(std::move(slot_));
    dead_ = sandbox_failure(*error);
    return false;
  }
  running->begin_measuring(*slot_);
  started_ = std::move(running);
  return true;
}

bool Container::is_started_alive() const {
  if (!slot_ || !started_) return false;
  pollfd p{slot_->socket, POLLIN, 0};
  return poll(&p, 1, 0) == 0;
}

bool Container::start_server(const Command& command, int channel, std::string* error) {
  auto running = std::make_unique<Running>(*slot_, shared_memory_.get(), kMaxServerMessages);
  Result refusal;
  const bool is_open = running->io.open_around(channel, error);
  const bool is_sent = is_open && send(command, &running->io, &refusal);
  close(channel);
  if (is_open && !is_sent) *error = refusal.detail + refusal.err;
  if (is_sent) started_ = std::move(running);
  return is_sent;
}

double Container::server_cpu_seconds() const { return started_ ? started_->meter.seconds() : 0; }

std::string Container::server_messages() {
  if (!started_) return {};
  started_->io.drain();
  return started_->io.take_err();
}

Result Container::run_started(std::string stdin_text, const Command& streams) {
  const std::unique_ptr<Running> running = std::move(started_);
  if (!slot_) return dead_;
  std::string error;
  running->begin = Clock::now();
  if (!turn_.begin(&error)) return lost("cannot run what was started");
  running->io.send_to(streams.out_fd, streams.err_fd);
  running->io.feed(std::move(stdin_text), streams.stdin_fd);
  const Result result = finish(running.get());
  turn_.end();
  return result;
}

void Container::drop_started() {
  if (!started_) return;
  started_.reset();
  Packet done;
  if (slot_ && (!wire::send(slot_->socket, Tag::kKill) ||
                wire::receive(slot_->socket, &done, Deadline(kAnswerSeconds)) != Status::kOk))
    lost("what was started does not end");
}

// Sends a command to init. False when that cannot be, with the answer to the caller.
bool Container::send(const Command& command, CommandIo* io, Result* refusal) {
  std::string strings;
  if (command.argv.empty() || command.argv[0].empty() || command.argv[0][0] != '/') {
    *refusal = refused(Outcome::kExit, 127, "the program must be an absolute path");
    return false;
  }
  if (!pack(command, &strings) || strings.size() > kMaxArgvBytes) {
    *refusal = refused(
        Outcome::kExit, 126,
        strings.size() > kMaxArgvBytes ? "argument list too long" : "an argument holds a 0 byte");
    return false;
  }
  if (!wire::send(slot_->socket, Tag::kExec, static_cast<int32_t>(command.environment.size()),
                  static_cast<int64_t>(strings.size()), {}, io->child_fds()) ||
      !wire::send_data(slot_->socket, strings)) {
    *refusal = lost("the sandbox died before a command");
    return false;
  }
  io->close_child_fds();
  return true;
}

// Waits until what announced its end is dead. False when init takes no requests.
bool Container::becomes_ready() {
  Packet done;
  if (slot_ && is_dying_ &&
      (wire::receive(slot_->socket, &done, Deadline(kAnswerSeconds)) != Status::kOk ||
       done.tag != Tag::kDone))
    lost("what ran does not end");
  is_dying_ = false;
  return slot_ != nullptr;
}

// Waits for the end of a command that was sent, and says what it means.
Result Container::finish(Running* running) {
  Packet done;
  const CommandEnd end =
      run_command(slot_->socket, turn_.ending(), limits_, &running->io, &running->meter, &done);
  Result result;
  ExecReport report;
  if (end == CommandEnd::kStuck) {
    Launcher::instance().discard(std::move(slot_));
    result = dead_ = sandbox_failure("a command could not be killed");
  } else if (end == CommandEnd::kLost) {
    result = lost("the sandbox died during a command");
  } else if (end == CommandEnd::kAnnounced) {
    is_dying_ = true;
    const bool is_close = running->meter.seconds() > limits_.cpu_seconds - kUncountedSeconds;
    result = is_close && !becomes_ready()
                 ? dead_
                 : judge(*running, CommandEnd::kDone, 0, report, running->meter.seconds());
  } else if (done.tag != Tag::kDone || done.payload.size() < sizeof report) {
    result = sandbox_failure(done.payload);
  } else {
    std::memcpy(&report, done.payload.data(), sizeof report);
    const double waited_seconds = static_cast<double>(done.value) * 1e-6 - running->startup_seconds;
    result =
        judge(*running, end, done.code, report, std::max(waited_seconds, running->meter.seconds()));
    result.err = done.payload.substr(sizeof report);
  }
  result.out = running->io.take_out();
  result.err = running->io.take_err() + result.err;
  result.wall_seconds = seconds_since(running->begin);
  return result;
}

Result Container::judge(const Running& running, CommandEnd end, int status,
                        const ExecReport& report, double cpu_seconds) {
  Result result;
  result.cpu_seconds = cpu_seconds;
  const int64_t peak = peak_memory_bytes(slot_->cgroups);
  result.peak_memory_bytes = peak >= 0 ? peak : report.max_rss_bytes;
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  result.exit_code = signal ? 128 + signal : WEXITSTATUS(status);
  // We ended it, whatever it died of meanwhile (SIGPIPE at the closed end of an output).
  if (end != CommandEnd::kDone) result.exit_code = 128 + SIGKILL;

  const bool is_over_cpu = result.cpu_seconds > limits_.cpu_seconds;
  result.hit_wall_limit = end == CommandEnd::kWallTimeout && !is_over_cpu;
  const bool saw_oom = saw_oom_kill();
  const bool is_failure = status != 0;
  if (end == CommandEnd::kCancelled)
    result.outcome = Outcome::kCancelled, result.detail = "cancelled";
  else if (is_failure && saw_refused_fork(running, report))
    result.outcome = Outcome::kProcessLimit;
  else if (saw_oom || end == CommandEnd::kMemory)
    result.outcome = Outcome::kMemory;
  else if (end == CommandEnd::kTimeout || end == CommandEnd::kWallTimeout || is_over_cpu)
    result.outcome = Outcome::kTimeout;
  else if (end == CommandEnd::kOutput)
    result.outcome = Outcome::kOutputLimit;
  else if (signal == SIGXFSZ || (is_failure && report.is_disk_full))
    result.outcome = Outcome::kDiskLimit;
  else if (signal == SIGSYS)
    result.outcome = Outcome::kDenied;
  else
    result.outcome = signal ? Outcome::kSignal : is_failure ? Outcome::kExit : Outcome::kOk;
  return result;
}

Result Container::put_file(const std::string& path, const std::string& content) {
  if (!becomes_ready()) return dead_;
  if (!is_relative_path(path))
    return refused(Outcome::kDenied, 1, "not a path below the directory: " + path);
  if (!wire::send(slot_->socket, Tag::kPut, 0, static_cast<int64_t>(content.size()), path) ||
      !wire::send_data(slot_->socket, content))
    return lost("the sandbox died before a file was put");
  Packet done;
  const Result result = file_answer(path, &done);
  if (slot_ && started_) started_->begin_measuring(*slot_);  // without our own work
  return result;
}

Result Container::get_file(const std::string& path, std::string* content) {
  content->clear();
  if (!becomes_ready()) return dead_;
  if (!is_relative_path(path))
    return refused(Outcome::kDenied, 1, "not a path below the directory: " + path);
  if (!wire::send(slot_->socket, Tag::kGet, 0, 0, path))
    return lost("the sandbox died before a file was read");
  Packet done;
  Result result = file_answer(path, &done);
  if (result.outcome == Outcome::kOk &&
      wire::receive_data(slot_->socket, done.value, content, Deadline(kAnswerSeconds)) !=
          Status::kOk) {
    content->clear();
    return lost("the sandbox died while a file was read");
  }
  return result;
}

Result Container::open_top(int* directory) {
  if (!becomes_ready()) return dead_;
  Packet done;
  Result result;
  result.outcome = Outcome::kOk;
  if (!top_) {
    if (!wire::send(slot_->socket, Tag::kOpenTop)) return lost("the sandbox died");
    result = file_answer("top", &done);
    if (!slot_) return result;
    if (done.fds.size() != 1) return lost("the sandbox does not show its files");
    top_ = Fd(done.fds[0]);
  }
  *directory = fcntl(top_.get(), F_DUPFD_CLOEXEC, 3);
  return *directory >= 0 ? result : sandbox_failure(std::string("top: ") + std::strerror(errno));
}

Result Container::change(const std::string& path, unsigned mode, const std::string& content) {
  if (!becomes_ready()) return dead_;
  if (!is_relative_path(path))
    return refused(Outcome::kDenied, 1, "not a path below the directory: " + path);
  if (!wire::send(slot_->socket, Tag::kChange, static_cast<int32_t>(mode),
                  static_cast<int64_t>(content.size()), path) ||
      !wire::send_data(slot_->socket, content))
    return lost("the sandbox died before a file was changed");
  Packet done;
  return file_answer(path, &done);
}

// The sandbox is unusable; so is every later call. Code that used up the memory in a way that
// took our own processes along is not a failure of ours.
Result Container::lost(const char* detail) {
  dead_ = sandbox_failure(detail);
  if (saw_oom_kill()) {
    dead_.outcome = Outcome::kMemory;
    dead_.exit_code = 128 + SIGKILL;
    dead_.detail.clear();
  }
  Launcher::instance().discard(std::move(slot_));
  return dead_;
}

Result Container::file_answer(const std::string& path, Packet* done) {
  if (wire::receive(slot_->socket, done, Deadline(kAnswerSeconds)) != Status::kOk ||
      done->tag != Tag::kFileDone)
    return lost("the sandbox died or does not answer");
  if (done->code == ENOSPC || done->code == EDQUOT || done->code == EFBIG)
    return refused(Outcome::kDiskLimit, 1, path + ": " + std::strerror(done->code));
  if (done->code != 0)
    return refused(Outcome::kExit, 1,
                   path + ": " +
                       (done->code == EINVAL || done->code == ELOOP || done->code == ENXIO
                            ? "not a regular file"
                            : std::strerror(done->code)));
  Result result;
  result.outcome = Outcome::kOk;
  return result;
}

// Whether a process was killed for memory since the last time this was asked.
bool Container::saw_oom_kill() {
  if (oom_kills_ < 0) return false;
  const int64_t before = oom_kills_;
  oom_kills_ = num_oom_kills(slot_->cgroups);
  return oom_kills_ > before;
}

// Whether a fork of the command was refused. Without a pids cgroup: whether the processes at the
// end were as many as there may be.
bool Container::saw_refused_fork(const Running& running, const ExecReport& report) const {
  if (running.refused_forks < 0)
    return report.num_left > 0 && report.num_left + 1 >= limits_.max_processes;
  return num_refused_forks(slot_->cgroups) > running.refused_forks;
}

std::unique_ptr<Container> Container::create(const Limits& limits, std::string* error,
                                             const Image& image, Terminal terminal) {
  std::string layers;  // the highest first
  for (const std::string& digest : image.layers)
    layers = layers.empty() ? digest : digest + ":" + layers;
  const std::string folder = layers.empty() ? "" : image.store + "/layers";
  return create_in_slot(Launcher::instance().acquire(error, folder), layers, terminal, limits,
                        error);
}

std::unique_ptr<Container> Container::create_beside(const std::string& folder, SlotDevices devices,
                                                    const Limits& limits, std::string* error) {
  return create_in_slot(Launcher::instance().acquire(error, folder, devices), {}, Terminal::kNo,
                        limits, error);
}

std::unique_ptr<Container> Container::create_in_slot(std::unique_ptr<Slot> slot,
                                                     const std::string& layers, Terminal terminal,
                                                     const Limits& limits, std::string* error) {
  if (!slot) return nullptr;
  auto give_up = [&](const std::string& detail) -> std::unique_ptr<Container> {
    *error = detail;
    Launcher::instance().discard(std::move(slot));
    return nullptr;
  };
  if (!set_limits(slot->cgroups, limits, kOwnProcesses))
    return give_up(std::string("cannot set the limits of a cgroup: ") + std::strerror(errno));
  StartRequest request;
  request.limits = limits;
  request.limit_address_space = slot->cgroups.memory.folder.empty();
  request.limit_processes = num_refused_forks(slot->cgroups) < 0;
  request.has_terminal = terminal == Terminal::kYes;
  Packet packet;
  if (!wire::send(slot->socket, Tag::kStart, 0, 0,
                  std::string(reinterpret_cast<const char*>(&request), sizeof request) + layers) ||
      wire::receive(slot->socket, &packet, Deadline(kAnswerSeconds)) != Status::kOk)
    return give_up("a sandbox slot died or does not answer");
  if (packet.tag != Tag::kReady)
    return give_up(packet.tag == Tag::kError ? packet.payload : "a sandbox died at its start");
  std::unique_ptr<Container> container(new Container(std::move(slot), limits));
  container->why_no_proc_ = packet.code;
  if (!packet.fds.empty()) container->shared_memory_ = Fd(packet.fds[0]);
  if (packet.fds.size() > 1) container->terminal_ = Fd(packet.fds[1]);
  return container;
}

std::unique_ptr<Sandbox> create_container(const Limits& limits, std::string* error) {
  return Container::create(limits, error);
}

std::unique_ptr<Sandbox> create_on_image(const Limits& limits, const Image& image,
                                         std::string* error) {
  return Container::create(limits, error, image);
}

std::unique_ptr<Sandbox> create_with_terminal(const Limits& limits, const Image& image,
                                              std::string* error) {
  return Container::create(limits, error, image, Container::Terminal::kYes);
}

}  // namespace amalgam::sandbox
