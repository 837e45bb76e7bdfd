#include "sandbox/machine/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace amalgam::sandbox {
namespace {

using wire::Packet;

constexpr uint32_t kMagic = 0x4d4c4741;
constexpr size_t kReadBytes = 64 << 10;
// Of a result beside its outputs: numbers, and lines that say what happened.
constexpr int64_t kMaxOtherBytes = 256 << 10;

struct Header {
  uint32_t magic;
  wire::Tag tag;
  int64_t value;
  int64_t size;  // of the payload
};

void pack_text(std::string_view text, std::string* out) {
  const uint64_t size = text.size();
  out->append(reinterpret_cast<const char*>(&size), sizeof size);
  out->append(text);
}

bool unpack_text(std::string_view* from, std::string* text) {
  uint64_t size = 0;
  if (from->size() < sizeof size) return false;
  std::memcpy(&size, from->data(), sizeof size);
  from->remove_prefix(sizeof size);
  if (size > from->size()) return false;
  text->assign(*from, 0, size);
  from->remove_prefix(size);
  return true;
}

struct ResultNumbers {
  int64_t outcome, exit_code, peak_memory_bytes;
  double cpu_seconds, wall_seconds;
};

}  // namespace

int64_t max_message_bytes(const Limits& limits) {
  return std::max(limits.disk_bytes, 2 * limits.output_bytes) + kMaxOtherBytes +
         static_cast<int64_t>(2 * wire::kMaxPayload);
}

std::string pack_command(const Command& command) {
  std::string out;
  pack_text(command.working_directory, &out);
  pack_text(std::to_string(command.environment.size()), &out);
  for (const std::string& variable : command.environment) pack_text(variable, &out);
  for (const std::string& argument : command.argv) pack_text(argument, &out);
  return out;
}

bool unpack_command(std::string_view payload, Command* command) {
  std::string text;
  if (!unpack_text(&payload, &command->working_directory) || !unpack_text(&payload, &text))
    return false;
  const size_t num_environment = std::strtoul(text.c_str(), nullptr, 10);
  while (!payload.empty()) {
    if (!unpack_text(&payload, &text)) return false;
    (command->environment.size() < num_environment ? command->environment : command->argv)
        .push_back(text);
  }
  return command->environment.size() == num_environment;
}

std::string pack_result(const Result& result) {
  const ResultNumbers numbers{static_cast<int64_t>(result.outcome), result.exit_code,
                              result.peak_memory_bytes, result.cpu_seconds, result.wall_seconds};
  std::string out(reinterpret_cast<const char*>(&numbers), sizeof numbers);
  for (const std::string* text : {&result.out, &result.err, &result.detail}) pack_text(*text, &out);
  return out;
}

bool unpack_result(std::string_view payload, Result* result, std::string_view* rest) {
  ResultNumbers numbers;
  if (payload.size() < sizeof numbers) return false;
  std::memcpy(&numbers, payload.data(), sizeof numbers);
  payload.remove_prefix(sizeof numbers);
  if (numbers.outcome < 0 || numbers.outcome > static_cast<int64_t>(Outcome::kCancelled) ||
      numbers.exit_code < 0 || numbers.exit_code > 255)
    return false;
  result->outcome = static_cast<Outcome>(numbers.outcome);
  result->exit_code = static_cast<int>(numbers.exit_code);
  result->peak_memory_bytes = numbers.peak_memory_bytes;
  result->cpu_seconds = numbers.cpu_seconds;
  result->wall_seconds = numbers.wall_seconds;
  for (std::string* text : {&result->out, &result->err, &result->detail})
    if (!unpack_text(&payload, text)) return false;
  *rest = payload;
  return true;
}

Channel::Channel(int fd, int64_t max_bytes) : fd_(fd), max_bytes_(max_bytes) {
  fcntl(fd_.get(), F_SETFL, fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
}

bool Channel::send(wire::Tag tag, int64_t value, std::string_view payload,
                   const wire::Deadline& deadline) {
  const Header header{kMagic, tag, value, static_cast<int64_t>(payload.size())};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(payload);
  for (size_t at = 0; at < bytes.size();) {
    // The owner's end is a socket, where a dead peer must cost no SIGPIPE, the guest's a device.
    ssize_t n = ::send(fd(), bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (n < 0 && errno == ENOTSOCK) n = write(fd(), bytes.data() + at, bytes.size() - at);
    if (n > 0) at += static_cast<size_t>(n);
    if (n >= 0 || errno == EINTR) continue;
    if (errno != EAGAIN) return false;
    pollfd p{fd(), POLLOUT, 0};
    if (poll(&p, 1, deadline.ms_left()) == 0) return false;
    if (p.revents & (POLLHUP | POLLERR)) return false;
  }
  return true;
}

Channel::Received Channel::receive(Packet* packet) {
  Header header{};
  for (;;) {
    const bool has_header = buffer_.size() >= sizeof header;
    if (has_header) {
      std::memcpy(&header, buffer_.data(), sizeof header);
      if (header.magic != kMagic || header.size < 0 || header.size > max_bytes_)
        return Received::kGarbage;
      const size_t end = sizeof header + static_cast<size_t>(header.size);
      if (buffer_.size() >= end) {
        packet->tag = header.tag;
        packet->value = header.value;
        packet->payload = buffer_.substr(sizeof header, end - sizeof header);
        buffer_.erase(0, end);
        return Received::kMessage;
      }
    }
    const size_t before = buffer_.size();
    buffer_.resize(before + kReadBytes);
    const ssize_t n = read(fd(), &buffer_[before], kReadBytes);
    const int error = errno;
    buffer_.resize(before + (n > 0 ? static_cast<size_t>(n) : 0));
    if (n > 0 || (n < 0 && error == EINTR)) continue;
    return n < 0 && error == EAGAIN ? Received::kNothingYet : Received::kClosed;
  }
}

wire::Status Channel::receive(Packet* packet, const wire::Deadline& deadline) {
  for (;;) {
    const Received received = receive(packet);
    if (received == Received::kMessage) return wire::Status::kOk;
    if (received != Received::kNothingYet) return wire::Status::kClosed;
    pollfd p{fd(), POLLIN, 0};
    const int ready = poll(&p, 1, deadline.ms_left());
    if (ready == 0) return wire::Status::kTimeout;
    if (ready < 0 && errno != EINTR) return wire::Status::kClosed;
  }
}

}  // namespace amalgam::sandbox
