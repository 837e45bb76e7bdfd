#include "sandbox/container/wire.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace amalgam::sandbox::wire {
namespace {

constexpr size_t kMaxFds = 4;

struct Header {
  Tag tag;
  int32_t code;
  int64_t value;
};

Status receive_now(int fd, Packet* packet) {
  Header header;
  // Aligned because mold 1.10 may link a program that cannot be loaded when it is not: its
  // read-only data then starts on the page before, which is not mapped.
  alignas(64) static thread_local char buffer[kMaxPayload];
  iovec parts[2] = {{&header, sizeof header}, {buffer, sizeof buffer}};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n;
  do {
    n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  if (n < static_cast<ssize_t>(sizeof header)) return Status::kClosed;
  packet->tag = header.tag;
  packet->code = header.code;
  packet->value = header.value;
  packet->payload.assign(buffer, static_cast<size_t>(n) - sizeof header);
  packet->fds.clear();
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    packet->fds.resize((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(packet->fds.data(), CMSG_DATA(c), packet->fds.size() * sizeof(int));
  }
  return Status::kOk;
}

// The wait before a receive; timeout_ms -1 waits for ever.
Status wait_readable(int fd, const Deadline* deadline) {
  pollfd p{fd, POLLIN, 0};
  for (;;) {
    const int ready = poll(&p, 1, deadline ? deadline->ms_left() : -1);
    if (ready > 0) return Status::kOk;
    if (ready == 0) return Status::kTimeout;
    if (errno != EINTR) return Status::kClosed;
  }
}

}  // namespace

Deadline::Deadline(double seconds)
    : end_(Clock::now() +
           std::chrono::microseconds(static_cast<int64_t>(std::min(seconds, 1e9) * 1e6))) {}

int Deadline::ms_left() const {
  const auto left = end_ - Clock::now();
  const int64_t ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<int64_t>(ms, 0, INT_MAX));
}

bool send(int fd, Tag tag, int32_t code, int64_t value, std::string_view payload,
          const std::vector<int>& fds) {
  Header header{tag, code, value};
  iovec parts[2] = {{&header, sizeof header}, {const_cast<char*>(payload.data()), payload.size()}};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = payload.empty() ? 1 : 2;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size() * sizeof(int));
  }
  ssize_t n;
  do {
    n = sendmsg(fd, &message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return n >= 0;
}

bool send_data(int fd, std::string_view data) {
  for (; !data.empty(); data.remove_prefix(std::min(data.size(), kMaxPayload)))
    if (!send(fd, Tag::kData, 0, 0, data.substr(0, kMaxPayload))) return false;
  return true;
}

Status receive(int fd, Packet* packet, const Deadline& deadline) {
  const Status ready = wait_readable(fd, &deadline);
  return ready == Status::kOk ? receive_now(fd, packet) : ready;
}

Status receive_from_owner(int fd, Packet* packet) {
  const Status ready = wait_readable(fd, nullptr);
  return ready == Status::kOk ? receive_now(fd, packet) : ready;
}

Status receive_data(int fd, int64_t size, std::string* data, const Deadline& deadline) {
  data->clear();
  Packet packet;
  while (static_cast<int64_t>(data->size()) < size) {
    const Status status = receive(fd, &packet, deadline);
    if (status != Status::kOk) return status;
    if (packet.tag != Tag::kData) return Status::kClosed;
    data->append(packet.payload);
  }
  return Status::kOk;
}

bool make_socket_pair(int fds[2]) {
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds)) return false;
  const timeval limit{kSendTimeoutSeconds, 0};
  for (int i = 0; i < 2; ++i) setsockopt(fds[i], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return true;
}

}  // namespace amalgam::sandbox::wire
