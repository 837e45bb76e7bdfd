#include "proto/zmq_socket.h"

#include <zmq.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "configs/check.h"
#include "configs/error.h"

namespace amalgam::proto {
namespace {

constexpr int kReconnectMs = 100, kMaxReconnectMs = 1000;
constexpr int kConnectMs = 5000, kHandshakeMs = 5000;
// Of the connection itself: one whose other end is gone is given up.
constexpr int kPingMs = 2000, kPingTimeoutMs = 10'000;
constexpr int kManyBroken = 3;
constexpr size_t kMaxFrames = 8;

// What a thread did before it sent comes before what the receiver does next. libzmq sees to that;
// this says it to ThreadSanitizer, which does not see into libzmq.
std::atomic<uint64_t> num_sent{0};

}  // namespace

ZmqContext::ZmqContext() : context_(zmq_ctx_new()) { CHECK(context_ != nullptr); }
ZmqContext::~ZmqContext() {
  // A signal may interrupt the wait for messages that linger.
  while (zmq_ctx_term(context_) != 0 && zmq_errno() == EINTR) {
  }
}

ZmqSocket::ZmqSocket(const ZmqContext& context, int type, int64_t max_frame_bytes, int linger_ms)
    : socket_(zmq_socket(context.get(), type)), context_(context.get()) {
  if (!socket_) throw Error(std::string("cannot make a socket: ") + zmq_strerror(zmq_errno()));
  set(ZMQ_LINGER, linger_ms);
  const bool is_pair = type == ZMQ_PAIR;
  set(ZMQ_SNDHWM, is_pair ? 0 : kMaxQueued);  // 0: no limit
  set(ZMQ_RCVHWM, is_pair ? 0 : kMaxQueued);
  set(ZMQ_RECONNECT_IVL, kReconnectMs);
  set(ZMQ_RECONNECT_IVL_MAX, kMaxReconnectMs);
  set(ZMQ_CONNECT_TIMEOUT, kConnectMs);
  set(ZMQ_HANDSHAKE_IVL, kHandshakeMs);
  set(ZMQ_HEARTBEAT_IVL, is_pair ? 0 : kPingMs);
  set(ZMQ_HEARTBEAT_TIMEOUT, kPingTimeoutMs);
  if (type == ZMQ_ROUTER) set(ZMQ_ROUTER_MANDATORY, 1);
  CHECK_EQ(zmq_setsockopt(socket_, ZMQ_MAXMSGSIZE, &max_frame_bytes, sizeof max_frame_bytes), 0);
}

ZmqSocket::~ZmqSocket() {
  if (monitor_) {
    zmq_socket_monitor(socket_, nullptr, 0);
    zmq_close(monitor_);
  }
  zmq_close(socket_);
}

void ZmqSocket::set(int option, int value) {
  CHECK_EQ(zmq_setsockopt(socket_, option, &value, sizeof value), 0);
}

void ZmqSocket::set_keys(const CurveKeys& keys) {
  if (!zmq_has("curve")) throw Error("this libzmq has no CURVE; install one built with libsodium");
  const auto key = [&](int option, const std::string& bytes) {
    CHECK_EQ(zmq_setsockopt(socket_, option, bytes.data(), bytes.size()), 0);
  };
  key(ZMQ_CURVE_PUBLICKEY, keys.public_key);
  key(ZMQ_CURVE_SECRETKEY, keys.secret_key);
  if (!keys.server_key.empty())
    key(ZMQ_CURVE_SERVERKEY, keys.server_key);
  else
    set(ZMQ_CURVE_SERVER, 1);
}

void ZmqSocket::bind(const std::string& endpoint) {
  if (zmq_bind(socket_, endpoint.c_str()) != 0)
    throw Error("cannot listen on " + endpoint + ": " + zmq_strerror(zmq_errno()));
}

void ZmqSocket::connect(const std::string& endpoint) {
  static std::atomic<int64_t> number{0};
  const std::string events = "inproc://monitor-" + std::to_string(number++);
  constexpr int kEvents = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                          ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                          ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
  CHECK_EQ(zmq_socket_monitor(socket_, events.c_str(), kEvents), 0);
  monitor_ = zmq_socket(const_cast<void*>(context_), ZMQ_PAIR);
  CHECK(monitor_ != nullptr);
  CHECK_EQ(zmq_connect(monitor_, events.c_str()), 0);
  if (zmq_connect(socket_, endpoint.c_str()) != 0)
    throw Error("cannot connect to " + endpoint + ": " + zmq_strerror(zmq_errno()) +
                "; write for example tcp://host:7700");
}

std::string ZmqSocket::bound_endpoint() const {
  char text[256] = {};
  size_t size = sizeof text;
  CHECK_EQ(zmq_getsockopt(socket_, ZMQ_LAST_ENDPOINT, text, &size), 0);
  return text;
}

bool ZmqSocket::send(const std::vector<std::string_view>& frames) {
  num_sent.fetch_add(1, std::memory_order_release);
  for (size_t i = 0; i < frames.size(); ++i) {
    // Once the first frame is taken the others are.
    const int flags = ZMQ_DONTWAIT | (i + 1 < frames.size() ? ZMQ_SNDMORE : 0);
    int sent;
    do sent = zmq_send(socket_, frames[i].data(), frames[i].size(), flags);
    while (sent < 0 && zmq_errno() == EINTR);
    if (sent < 0) return false;
  }
  return true;
}

bool ZmqSocket::receive(ZmqMessage* message) {
  message->frames.clear();
  message->user.clear();
  for (;;) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    int size;
    do size = zmq_msg_recv(&frame, socket_, ZMQ_DONTWAIT);
    while (size < 0 && zmq_errno() == EINTR);
    if (size < 0) {
      zmq_msg_close(&frame);
      return false;
    }
    // What has more frames than any message of ours is read to its end and is no message.
    if (message->frames.size() < kMaxFrames)
      message->frames.emplace_back(static_cast<const char*>(zmq_msg_data(&frame)),
                                   zmq_msg_size(&frame));
    if (const char* user = zmq_msg_gets(&frame, "User-Id")) message->user = user;
    const bool more = zmq_msg_more(&frame) != 0;
    zmq_msg_close(&frame);
    if (!more) {
      num_sent.load(std::memory_order_acquire);
      return true;
    }
  }
}

CurveKeys make_curve_keys() {
  constexpr size_t kTextBytes = 41, kBytes = 32;
  char public_key[kTextBytes], secret_key[kTextBytes];
  if (zmq_curve_keypair(public_key, secret_key) != 0)
    throw Error("this libzmq has no CURVE; install one built with libsodium");
  CurveKeys keys{std::string(kBytes, '\0'), std::string(kBytes, '\0'), {}};
  CHECK(zmq_z85_decode(reinterpret_cast<uint8_t*>(keys.public_key.data()), public_key));
  CHECK(zmq_z85_decode(reinterpret_cast<uint8_t*>(keys.secret_key.data()), secret_key));
  return keys;
}

bool ZmqSocket::wait(int deadline_ms, int fd) {
  zmq_pollitem_t items[2] = {{socket_, 0, ZMQ_POLLIN, 0}, {nullptr, fd, ZMQ_POLLIN, 0}};
  return zmq_poll(items, fd >= 0 ? 2 : 1, deadline_ms) > 0;
}

Handshake ZmqSocket::handshake() {
  for (zmq_msg_t frame; monitor_;) {
    zmq_msg_init(&frame);
    const int size = zmq_msg_recv(&frame, monitor_, ZMQ_DONTWAIT);
    uint16_t event = 0;
    // The event stands in the first of two frames; the second is the endpoint.
    if (size >= static_cast<int>(sizeof event) && zmq_msg_more(&frame))
      std::memcpy(&event, zmq_msg_data(&frame), sizeof event);
    zmq_msg_close(&frame);
    if (size < 0) break;
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
      num_broken_ = 0;
      is_refused_ = false;
    } else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
      is_refused_ = true;
    } else if (event != 0) {
      ++num_broken_;
    }
  }
  if (is_refused_) return Handshake::kRefused;
  return num_broken_ >= kManyBroken ? Handshake::kBroken : Handshake::kNone;
}

}  // namespace amalgam::proto
