#include "sandbox/container/command_io.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cmath>
#include <cstring>

#include "configs/clock.h"
#include "sandbox/container/own_mounts.h"
#include "sandbox/container/process_tree.h"
#include "sandbox/files/file_tree.h"

namespace amalgam::sandbox {
namespace {

constexpr double kKillSeconds = 10;
// For the output of a command that was killed to be taken where it goes.
constexpr double kRestSeconds = 1;
// Between two looks at the CPU time, at least.
constexpr double kMinLookSeconds = 0.005;
// Without a memory cgroup the owner looks at the memory itself.
constexpr double kMemoryLookSeconds = 0.02;

int num_cpus() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(CPU_COUNT(&set), 1) : 1;
}

// The pipe is ours, and whoever holds it is to open it by its name as well (/dev/stdout). Nobody
// else can: the name is in the holder's /proc.
void let_open(int pipe) { fchmod(pipe, 0666); }

}  // namespace

CommandIo::~CommandIo() { close_child_fds(); }

void CommandIo::close_child_fds() {
  for (const int fd : child_fds_) close(fd);
  child_fds_.clear();
}

bool CommandIo::open(const std::string& stdin_text, std::string* error) {
  if (!stdin_text.empty()) {
    const int fd = memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0) child_fds_.push_back(fd);
    if (fd < 0 || write_all(fd, stdin_text) || lseek(fd, 0, SEEK_SET) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)) {
      *error = std::string("cannot make a command's stdin: ") + std::strerror(errno);
      return false;
    }
  }
  return open_outputs(error);
}

bool CommandIo::open_fed(std::string* error) {
  int fds[2];
  const bool made = pipe2(fds, O_CLOEXEC) == 0;
  if (made) {
    child_fds_.push_back(fds[0]);
    let_open(fds[0]);
    in_ = Fd(fds[1]);
    in_reader_ = Fd(fcntl(fds[0], F_DUPFD_CLOEXEC, 3));
  }
  if (!in_reader_ || fcntl(in_.get(), F_SETFL, O_NONBLOCK)) {
    *error = std::string("cannot make a command's stdin: ") + std::strerror(errno);
    return false;
  }
  return open_outputs(error);
}

bool CommandIo::open_announced(std::string* error) {
  return open_fed(error) && open_pipe(&end_, error);
}

bool CommandIo::reads_end() {
  char byte;
  const bool came = read(end_.get(), &byte, 1) == 1;
  end_ = Fd();
  return came;
}

bool CommandIo::open_terminal(int terminal, std::string* error) {
  in_ = Fd(fcntl(terminal, F_DUPFD_CLOEXEC, 3));
  out_.fd = Fd(fcntl(terminal, F_DUPFD_CLOEXEC, 3));
  if (in_ && out_.fd && fcntl(terminal, F_SETFL, O_NONBLOCK) == 0) return true;
  *error = std::string("cannot use the sandbox's terminal: ") + std::strerror(errno);
  return false;
}

void CommandIo::send_to(int out, int err) {
  out_.sink = out;
  err_.sink = err;
}

void CommandIo::feed(std::string text, int source) {
  text_ = std::move(text);
  source_ = source;
  pump();
}

void CommandIo::pump() {
  if (!in_) return;
  for (;;) {
    while (!text_.empty()) {
      const ssize_t n = write(in_.get(), text_.data(), text_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return;  // full
      text_.erase(0, static_cast<size_t>(n));
    }
    if (source_ < 0) {
      in_ = Fd();
      in_reader_ = Fd();
      return;
    }
    pollfd p{source_, POLLIN, 0};
    if (poll(&p, 1, 0) <= 0) return;
    char buffer[16 << 10];
    const ssize_t n = read(source_, buffer, sizeof buffer);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n <= 0)
      source_ = -1;
    else
      text_.assign(buffer, static_cast<size_t>(n));
  }
}

bool CommandIo::open_around(int channel, std::string* error) {
  for (int i = 0; i < 2; ++i) {
    const int fd = fcntl(channel, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
      *error = std::string("cannot pass a channel on: ") + std::strerror(errno);
      return false;
    }
    child_fds_.push_back(fd);
  }
  return open_pipe(&err_.fd, error);
}

bool CommandIo::open_pipe(Fd* reader, std::string* error) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC)) {
    *error = std::string("cannot make a command's pipes: ") + std::strerror(errno);
    return false;
  }
  *reader = Fd(fds[0]);
  child_fds_.push_back(fds[1]);
  let_open(fds[1]);
  fcntl(reader->get(), F_SETFL, O_NONBLOCK);  // of our end alone
  return true;
}

bool CommandIo::open_outputs(std::string* error) {
  return open_pipe(&out_.fd, error) && open_pipe(&err_.fd, error);
}

// False when it could not go where it should: whoever read it is gone.
bool CommandIo::pass_on(Stream* s, std::string_view bytes) {
  s->num_bytes += static_cast<int64_t>(bytes.size());
  if (s->sink >= 0) return write_all(s->sink, bytes) == 0;
  s->text += bytes;
  return true;
}

bool CommandIo::drain(Stream* s) const {
  char buffer[16 << 10];
  // A pipe that has room takes this much without waiting.
  const size_t size = s->sink >= 0 ? size_t{PIPE_BUF} : sizeof buffer;
  while (s->fd) {
    pollfd p{s->sink, POLLOUT, 0};
    s->is_blocked = s->sink >= 0 && poll(&p, 1, 0) <= 0;
    if (s->is_blocked) return true;
    const ssize_t n = read(s->fd.get(), buffer, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return true;
    const int64_t room = max_bytes_ - s->num_bytes;
    const bool is_taken =
        n <= 0 || pass_on(s, {buffer, static_cast<size_t>(std::min<int64_t>(n, room))});
    if (n > 0 && n <= room && is_taken) continue;
    s->fd = Fd();
    return n <= 0 || !is_taken;
  }
  return true;
}

bool CommandIo::drain() {
  const bool out_fits = drain(&out_);
  return drain(&err_) && out_fits;
}

bool CommandIo::drain_rest(const wire::Deadline& deadline) {
  bool fits = drain();
  while (out_.is_blocked || err_.is_blocked) {
    pollfd p[2] = {{blocked_out_fd(), POLLOUT, 0}, {blocked_err_fd(), POLLOUT, 0}};
    if (poll(p, 2, deadline.ms_left()) <= 0 && deadline.ms_left() == 0) return false;
    fits = drain() && fits;
  }
  return fits;
}

CpuMeter::CpuMeter(const Slot& slot, int shared_memory)
    : slot_(slot),
      shared_memory_(shared_memory),
      has_cpu_(!slot.cgroups.cpu.folder.empty()),
      has_memory_(!slot.cgroups.memory.folder.empty()),
      start_ns_(now_ns()) {}

int64_t CpuMeter::now_ns() const {
  return has_cpu_ ? std::max<int64_t>(cpu_usage_ns(slot_.cgroups), 0)
                  : measure_descendants(slot_.pid).cpu_ns;
}

double CpuMeter::seconds() const { return static_cast<double>(now_ns() - start_ns_) * 1e-9; }

double CpuMeter::restart() {
  const int64_t before = start_ns_;
  start_ns_ = now_ns();
  return static_cast<double>(start_ns_ - before) * 1e-9;
}

int64_t CpuMeter::memory_bytes() const {
  return measure_descendants(slot_.pid).memory_bytes + used_bytes(shared_memory_);
}

CommandEnd run_command(int socket, int ending, const Limits& limits, CommandIo* io,
                       const CpuMeter* meter, wire::Packet* done) {
  const auto seconds = [](double s) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
  };
  const double cpus = num_cpus();
  const bool watch_memory = meter->must_watch_memory();
  const wire::Deadline wall(limits.wall_seconds);
  wire::Deadline killed(1e9);
  CommandEnd end = CommandEnd::kDone;
  // The earliest moment at which the CPU limit can be reached.
  double look_in = std::max(limits.cpu_seconds / cpus, kMinLookSeconds);
  auto next_look = Clock::now();

  auto kill_for = [&](CommandEnd why) {
    if (end != CommandEnd::kDone) return;
    end = why;
    killed = wire::Deadline(kKillSeconds);
    wire::send(socket, wire::Tag::kKill);
  };

  for (;;) {
    if (watch_memory) look_in = std::min(look_in, kMemoryLookSeconds);
    next_look = Clock::now() + seconds(look_in);
    for (;;) {
      const int look_ms = static_cast<int>(std::max<int64_t>(
          std::chrono::ceil<std::chrono::milliseconds>(next_look - Clock::now()).count(), 0));
      const int wait_ms =
          end == CommandEnd::kDone ? std::min(look_ms, wall.ms_left()) : killed.ms_left();
      const bool runs = end == CommandEnd::kDone;
      pollfd p[9] = {{socket, POLLIN, 0},
                     {io->out_fd(), POLLIN, 0},
                     {io->err_fd(), POLLIN, 0},
                     {runs ? ending : -1, POLLIN, 0},
                     {runs ? io->in_fd() : -1, POLLOUT, 0},
                     {runs ? io->source_fd() : -1, POLLIN, 0},
                     {io->blocked_out_fd(), POLLOUT, 0},
                     {io->blocked_err_fd(), POLLOUT, 0},
                     {runs ? io->end_fd() : -1, POLLIN, 0}};
      const int ready = poll(p, 9, wait_ms);
      if (ready < 0 && errno != EINTR) return CommandEnd::kStuck;
      if (ready > 0 && p[3].revents) {
        eventfd_t why = 0;
        eventfd_read(ending, &why);
        kill_for(why >= kTimeOutNow ? CommandEnd::kTimeout : CommandEnd::kCancelled);
      }
      if (ready > 0 && (p[4].revents || p[5].revents)) io->pump();
      if (ready > 0 && !io->drain()) kill_for(CommandEnd::kOutput);
      if (ready > 0 && p[0].revents) {
        if (wire::receive(socket, done, wire::Deadline(0)) != wire::Status::kOk ||
            done->tag == wire::Tag::kSandboxGone)
          return CommandEnd::kLost;
        // Everything is dead, so what is in the pipes now is all there will be.
        const wire::Deadline rest = end == CommandEnd::kDone ? wall : wire::Deadline(kRestSeconds);
        if (!io->drain_rest(rest) && end == CommandEnd::kDone) end = CommandEnd::kOutput;
        return end;
      }
      if (ready > 0 && p[8].revents && end == CommandEnd::kDone && io->reads_end()) {
        wire::send(socket, wire::Tag::kKill);  // if init is dead, so is what ran
        if (io->drain_rest(wall)) return CommandEnd::kAnnounced;
        kill_for(CommandEnd::kOutput);
      }
      if (end != CommandEnd::kDone) {
        if (killed.ms_left() == 0) return CommandEnd::kStuck;
        continue;
      }
      if (wall.ms_left() == 0) kill_for(CommandEnd::kWallTimeout);
      if (Clock::now() >= next_look) break;
    }
    const double used = meter->seconds();
    if (used >= limits.cpu_seconds) kill_for(CommandEnd::kTimeout);
    if (watch_memory && meter->memory_bytes() > limits.memory_bytes) kill_for(CommandEnd::kMemory);
    look_in = std::max((limits.cpu_seconds - used) / cpus, kMinLookSeconds);
  }
}

}  // namespace amalgam::sandbox
