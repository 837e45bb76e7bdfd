// /init of a virtual machine's guest: makes one container inside it, with the code that makes
// containers on a host, and does in it what the owner asks for over the machine's port (channel.h).
// Model-written code so stands behind two walls, the container's and the machine's, and its
// outcomes are those of a container. Only time is the owner's to judge, from outside.
//
// When this process ends the kernel panics, which ends the machine: the owner sees a dead guest.
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "sandbox/container/command_io.h"
#include "sandbox/container/container.h"
#include "sandbox/files/fd.h"
#include "sandbox/machine/channel.h"
#include "sandbox/machine/guest/boot.h"

namespace amalgam::sandbox::guest {
namespace {

using wire::Packet;
using wire::Tag;

// An owner that does not take an answer for so long is as good as gone.
constexpr double kSendSeconds = 600;
constexpr double kNoLimitSeconds = 1e6;
// A kKill may come before the command that it means has begun.
constexpr int kKillAgainMs = 20;

// The stdin of a running command: chunks from the owner, one at a time, into a pipe.
class Stdin {
 public:
  bool open() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC)) return false;
    reader_ = Fd(fds[0]);
    writer_ = Fd(fds[1]);
    return fcntl(writer_.get(), F_SETFL, O_NONBLOCK) == 0;
  }
  int reader() const { return reader_.get(); }
  // To be polled for writing; -1: nothing waits to be written.
  int waiting() const { return chunk_.empty() ? -1 : writer_.get(); }
  bool wants_more() const { return writer_ && chunk_.empty(); }
  // An empty chunk is the end.
  void add(std::string chunk) {
    if (chunk.empty()) writer_ = Fd();
    chunk_ = std::move(chunk);
    pump();
  }
  void pump() {
    while (writer_ && !chunk_.empty()) {
      const ssize_t n = write(writer_.get(), chunk_.data(), chunk_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return;  // full; the reading end is ours, so that it is never broken
      chunk_.erase(0, static_cast<size_t>(n));
    }
  }

 private:
  Fd reader_, writer_;
  std::string chunk_;
};

class Guest {
 public:
  Guest(Channel* channel, std::unique_ptr<Container> container)
      : channel_(channel), container_(std::move(container)), done_(eventfd(0, EFD_CLOEXEC)) {}

  // Until the owner is gone.
  void serve() {
    Packet packet;
    for (;;) {
      const auto received = channel_->receive(&packet);
      if (received == Channel::Received::kNothingYet) {
        pollfd p{channel_->fd(), POLLIN, 0};
        poll(&p, 1, -1);
        continue;
      }
      if (received != Channel::Received::kMessage || !answer(packet)) return;
    }
  }

 private:
  bool send(Tag tag, std::string_view payload = {}) {
    return channel_->send(tag, 0, payload, wire::Deadline(kSendSeconds));
  }

  bool answer(const Packet& packet) {
    switch (packet.tag) {
      case Tag::kPut: {
        const auto path_size = static_cast<size_t>(packet.value);
        if (path_size > packet.payload.size()) return false;
        return send(Tag::kFileDone,
                    pack_result(container_->put_file(packet.payload.substr(0, path_size),
                                                     packet.payload.substr(path_size))));
      }
      case Tag::kGet: {
        std::string content;
        const Result result = container_->get_file(packet.payload, &content);
        return send(Tag::kFileDone, pack_result(result) + content);
      }
      case Tag::kExec: {
        Command command;
        return unpack_command(packet.payload, &command) && exec(command, packet.value != 0);
      }
      case Tag::kKill:  // the command ended while it was on its way
      case Tag::kData:
        return true;
      default:
        return false;
    }
  }

  // False when the owner is gone or broken.
  bool exec(Command command, bool has_stdin) {
    Stdin input;
    if (has_stdin) {
      if (!input.open()) return false;
      command.stdin_fd = input.reader();
    }
    Result result;
    std::thread worker([&] {
      result = container_->exec(command);
      eventfd_write(done_, 1);
    });
    const bool alive = run(&input, has_stdin);
    if (!alive) _exit(1);  // the machine ends, and the command with it
    worker.join();
    return send(Tag::kDone, pack_result(result));
  }

  bool run(Stdin* input, bool has_stdin) {
    uint64_t kill = 0;
    bool asked = false;  // for stdin
    for (;;) {
      if (has_stdin && !asked && input->wants_more()) {
        if (!send(Tag::kWantData)) return false;
        asked = true;
      }
      Packet packet;
      const auto received = channel_->receive(&packet);
      if (received == Channel::Received::kMessage) {
        if (packet.tag == Tag::kKill) {
          kill = static_cast<uint64_t>(packet.value);
        } else if (packet.tag == Tag::kData && asked) {
          asked = false;
          input->add(std::move(packet.payload));
        } else {
          return false;
        }
        continue;  // there may be more
      }
      if (received != Channel::Received::kNothingYet) return false;
      if (kill >= kTimeOutNow)
        container_->time_out();
      else if (kill)
        container_->cancel(0);
      pollfd p[3] = {
          {channel_->fd(), POLLIN, 0}, {done_, POLLIN, 0}, {input->waiting(), POLLOUT, 0}};
      poll(p, 3, kill ? kKillAgainMs : -1);
      if (p[1].revents) {
        eventfd_t ignored;
        return eventfd_read(done_, &ignored) == 0;
      }
      input->pump();
    }
  }

  Channel* const channel_;
  const std::unique_ptr<Container> container_;
  const int done_;
};

[[noreturn]] void give_up(Channel* channel, const std::string& line) {
  channel->send(Tag::kError, 0, line, wire::Deadline(kSendSeconds));
  for (;;) pause();  // the owner ends the machine
}

int run() {
  const char* what = nullptr;
  const bool ready = mount_system(&what) && load_modules(&what);
  const int error = errno;
  const int port = open_port();
  if (port < 0) return 1;
  Channel hello(port, 64 << 10);
  if (!ready)
    give_up(&hello, std::string("the guest cannot make ") + what + ": " + std::strerror(error));
  Packet packet;
  Limits limits;
  if (hello.receive(&packet, wire::Deadline(kSendSeconds)) != wire::Status::kOk ||
      packet.tag != Tag::kStart || packet.payload.size() != sizeof limits)
    return 1;
  std::memcpy(&limits, packet.payload.data(), sizeof limits);
  limits.cpu_seconds = limits.wall_seconds = kNoLimitSeconds;
  std::string line;
  std::unique_ptr<Container> container = Container::create(limits, &line);
  if (!container) give_up(&hello, line);
  Channel channel(fcntl(port, F_DUPFD_CLOEXEC, 3), max_message_bytes(limits));
  if (!channel.send(Tag::kReady, 0, {}, wire::Deadline(kSendSeconds))) return 1;
  Guest(&channel, std::move(container)).serve();
  return 0;
}

}  // namespace
}  // namespace amalgam::sandbox::guest

int main() { return amalgam::sandbox::guest::run(); }
