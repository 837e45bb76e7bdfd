// ZeroMQ sockets that carry frames of bytes. Nothing waits but wait(), which has a deadline.
//
// With CURVE keys a socket talks only to peers whose keys it knows, encrypted; without, to anyone.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::proto {

class ZmqContext {
 public:
  ZmqContext();
  ~ZmqContext();
  void* get() const { return context_; }
  ZmqContext(const ZmqContext&) = delete;
  ZmqContext& operator=(const ZmqContext&) = delete;

 private:
  void* context_;
};

// 32 bytes each. server_key: of the server to connect to; empty: the socket is the server.
struct CurveKeys {
  std::string public_key, secret_key, server_key;
};

// A new pair, without a server_key.
CurveKeys make_curve_keys();

struct ZmqMessage {
  std::vector<std::string> frames;
  std::string user;  // what the authentication (ZAP) calls the sender; empty without one
};

// What can be seen of a client's attempts to be let in.
enum class Handshake {
  kNone,     // none has failed since the last success
  kRefused,  // the server knows us not to be allowed
  kBroken    // several in a row, for example because the server's key is another one
};

class ZmqSocket {
 public:
  // type: ZMQ_ROUTER, ZMQ_DEALER or ZMQ_REP. Messages may have max_frame_bytes per frame, and
  // kMaxQueued of them wait in each direction. A closed socket still sends for linger_ms.
  // Or ZMQ_PAIR, for the threads and processes of one program: any number of messages waits, and
  // the connection is not tested, for a process that was stopped goes on later.
  ZmqSocket(const ZmqContext& context, int type, int64_t max_frame_bytes, int linger_ms = 0);
  ~ZmqSocket();
  ZmqSocket(const ZmqSocket&) = delete;
  ZmqSocket& operator=(const ZmqSocket&) = delete;

  // Before bind and connect. A ROUTER's send then fails for a peer that is gone.
  void set_keys(const CurveKeys& keys);
  void bind(const std::string& endpoint);     // throws Error
  void connect(const std::string& endpoint);  // throws Error
  std::string bound_endpoint() const;         // with the port that was chosen for port 0

  // False, and nothing is sent, when the queue is full or the peer unknown.
  bool send(const std::vector<std::string_view>& frames);
  // False when nothing is there.
  bool receive(ZmqMessage* message);
  // Until something can be received here or `fd` (-1: none) can be read. False at the deadline.
  bool wait(int deadline_ms, int fd = -1);
  // Of a socket that connects.
  Handshake handshake();

  static constexpr int kMaxQueued = 10'000;

 private:
  void set(int option, int value);
  void* socket_;
  void* monitor_ = nullptr;
  const void* context_;
  int num_broken_ = 0;
  bool is_refused_ = false;
};

}  // namespace amalgam::proto
