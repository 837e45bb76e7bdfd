// A container sandbox, seen from its owner: one slot of the launcher with a sandbox started in it.
// Requests go over the slot's socket to the sandbox's init (init.h); output comes through pipes.
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sandbox/command_io.h"
#include "sandbox/image_store.h"
#include "sandbox/init.h"
#include "sandbox/launcher.h"
#include "sandbox/slot.h"
#include "sandbox/wire.h"

namespace amalgam::sandbox {
namespace {

using wire::Deadline;
using wire::Packet;
using wire::Status;
using wire::Tag;

// For answers that need no time of their own: starting, files, killing a command.
constexpr double kAnswerSeconds = 10;
constexpr size_t kMaxArgvBytes = 1 << 20;

Result failed(std::string detail) {
  Result result;
  result.detail = std::move(detail);
  return result;
}

// The sandboxed code's own doing, in the way a shell would report it.
Result refused(int exit_code, std::string message) {
  Result result;
  result.outcome = Outcome::kExited;
  result.exit_code = exit_code;
  result.err = std::move(message);
  return result;
}

bool is_relative_path(const std::string& path) {
  if (path.empty() || path.size() > 4096 || path.find('\0') != std::string::npos) return false;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    if (name.empty() || name == "." || name == "..") return false;
    begin = end + 1;
  }
  return true;
}

class Container : public Sandbox {
 public:
  Container(std::unique_ptr<Slot> slot, const Limits& limits)
      : slot_(std::move(slot)), limits_(limits), oom_kills_(num_oom_kills(slot_->cgroups)) {}

  ~Container() override {
    if (!slot_) return;
    if (!wire::send(slot_->socket, Tag::kExit)) {
      Launcher::instance().discard(std::move(slot_));
      return;
    }
    slot_->closing = true;
    Launcher::instance().release(std::move(slot_));
  }

  Result exec(const Command& command) override {
    if (!slot_) return dead_;
    std::string blob;
    for (const std::string& argument : command.argv) blob += argument + '\0';
    if (command.argv.empty() || command.argv[0].empty() || command.argv[0][0] != '/')
      return refused(127, "the program must be an absolute path");
    if (blob.size() > kMaxArgvBytes) return refused(126, "argument list too long");

    CommandIo io(limits_.output_bytes);
    std::string error;
    if (!io.open(command.stdin_text, &error)) return failed(error);
    CpuMeter meter(*slot_);
    if (!wire::send(slot_->socket, Tag::kExec, 0, static_cast<int64_t>(blob.size()), {},
                    io.child_fds()) ||
        !wire::send_data(slot_->socket, blob))
      return lost("the sandbox died before a command");
    io.close_child_fds();

    Result result;
    Packet done;
    const CommandEnd end = run_command(slot_->socket, limits_, &io, &meter, &done);
    result.out = io.take_out();
    result.err = io.take_err();
    if (end == CommandEnd::kStuck) {
      Launcher::instance().discard(std::move(slot_));
      return dead_ = failed("a command could not be killed");
    }
    if (end == CommandEnd::kLost) {
      lost("the sandbox died during a command");
      dead_.out = std::move(result.out);
      dead_.err = std::move(result.err);
      return dead_;
    }
    if (done.tag != Tag::kDone) return failed(done.payload);
    result.cpu_seconds = std::max(static_cast<double>(done.value) * 1e-6, meter.seconds());
    if (end == CommandEnd::kTimeout || result.cpu_seconds > limits_.cpu_seconds)
      result.outcome = Outcome::kTimeout;
    else if (saw_oom_kill() || end == CommandEnd::kMemory)
      result.outcome = Outcome::kOutOfMemory;
    else if (end == CommandEnd::kOutput)
      result.outcome = Outcome::kOutputLimit;
    else {
      result.outcome = Outcome::kExited;
      result.exit_code =
          WIFSIGNALED(done.code) ? 128 + WTERMSIG(done.code) : WEXITSTATUS(done.code);
      result.err += done.payload;
    }
    return result;
  }

  Result put_file(const std::string& path, const std::string& content) override {
    if (!slot_) return dead_;
    if (!is_relative_path(path)) return refused(1, "not a relative path: " + path);
    if (!wire::send(slot_->socket, Tag::kPut, 0, static_cast<int64_t>(content.size()), path) ||
        !wire::send_data(slot_->socket, content))
      return lost("the sandbox died before a file was put");
    Packet done;
    return file_answer(path, &done);
  }

  Result get_file(const std::string& path, std::string* content) override {
    content->clear();
    if (!slot_) return dead_;
    if (!is_relative_path(path)) return refused(1, "not a relative path: " + path);
    if (!wire::send(slot_->socket, Tag::kGet, 0, 0, path))
      return lost("the sandbox died before a file was read");
    Packet done;
    Result result = file_answer(path, &done);
    if (result.outcome == Outcome::kExited && result.exit_code == 0 &&
        wire::receive_data(slot_->socket, done.value, content, Deadline(kAnswerSeconds)) !=
            Status::kOk) {
      content->clear();
      return lost("the sandbox died while a file was read");
    }
    return result;
  }

  Result open_top(int* directory) override {
    if (!slot_) return dead_;
    if (!wire::send(slot_->socket, Tag::kOpenTop)) return lost("the sandbox died");
    Packet done;
    const Result result = file_answer("top", &done);
    if (slot_ && done.fds.size() != 1) return lost("the sandbox does not show its files");
    if (slot_) *directory = done.fds[0];
    return result;
  }

  Result change(const std::string& path, unsigned mode, const std::string& content) override {
    if (!slot_) return dead_;
    if (!is_relative_path(path)) return refused(1, "not a relative path: " + path);
    if (!wire::send(slot_->socket, Tag::kChange, static_cast<int32_t>(mode),
                    static_cast<int64_t>(content.size()), path) ||
        !wire::send_data(slot_->socket, content))
      return lost("the sandbox died before a file was changed");
    Packet done;
    return file_answer(path, &done);
  }

 private:
  // The sandbox is unusable; so is every later call. Code that used up the memory in a way that
  // took our own processes along is not a failure of ours.
  Result lost(const char* detail) {
    dead_ = failed(detail);
    if (saw_oom_kill()) {
      dead_.outcome = Outcome::kOutOfMemory;
      dead_.detail.clear();
    }
    Launcher::instance().discard(std::move(slot_));
    return dead_;
  }

  Result file_answer(const std::string& path, Packet* done) {
    if (wire::receive(slot_->socket, done, Deadline(kAnswerSeconds)) != Status::kOk ||
        done->tag != Tag::kDone)
      return lost("the sandbox died or does not answer");
    if (done->code != 0)
      return refused(1, path + ": " +
                            (done->code == EINVAL || done->code == ELOOP || done->code == ENXIO
                                 ? "not a regular file"
                                 : std::strerror(done->code)));
    Result result;
    result.outcome = Outcome::kExited;
    return result;
  }

  // Whether a process was killed for memory since the last time this was asked.
  bool saw_oom_kill() {
    if (oom_kills_ < 0) return false;
    const int64_t before = oom_kills_;
    oom_kills_ = num_oom_kills(slot_->cgroups);
    return oom_kills_ > before;
  }

  std::unique_ptr<Slot> slot_;
  const Limits limits_;
  int64_t oom_kills_;
  Result dead_;  // what every call answers when slot_ is gone
};

}  // namespace

std::unique_ptr<Sandbox> create_container(const Limits& limits, std::string* error) {
  return create_container(limits, Image{}, error);
}

std::unique_ptr<Sandbox> create_container(const Limits& limits, const Image& image,
                                          std::string* error) {
  std::string layers;  // the highest first
  for (const std::string& digest : image.layers)
    layers = layers.empty() ? digest : digest + ":" + layers;
  std::unique_ptr<Slot> slot =
      Launcher::instance().acquire(error, layers.empty() ? "" : image.store + "/layers");
  if (!slot) return nullptr;
  auto give_up = [&](const std::string& detail) -> std::unique_ptr<Sandbox> {
    *error = detail;
    Launcher::instance().discard(std::move(slot));
    return nullptr;
  };
  if (!set_limits(slot->cgroups, limits, kOwnProcesses))
    return give_up(std::string("cannot set the limits of a cgroup: ") + std::strerror(errno));
  StartRequest request;
  request.limits = limits;
  request.limit_address_space = slot->cgroups.memory.folder.empty();
  Packet packet;
  if (!wire::send(slot->socket, Tag::kStart, 0, 0,
                  std::string(reinterpret_cast<const char*>(&request), sizeof request) + layers) ||
      wire::receive(slot->socket, &packet, Deadline(kAnswerSeconds)) != Status::kOk)
    return give_up("a sandbox slot died or does not answer");
  if (packet.tag != Tag::kReady)
    return give_up(packet.tag == Tag::kError ? packet.payload : "a sandbox died at its start");
  return std::make_unique<Container>(std::move(slot), limits);
}

}  // namespace amalgam::sandbox
