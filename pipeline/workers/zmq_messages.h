// Protobuf messages over one ZeroMQ PAIR socket. Receiving always has a deadline.
#pragma once
#include <memory>
#include <string>

#include "proto/zmq_socket.h"

namespace google::protobuf {
class MessageLite;
}

namespace amalgam::pipeline {

using proto::ZmqContext;

// One end of a pair. Used by one thread.
class ZmqPair {
 public:
  explicit ZmqPair(void* context);
  ~ZmqPair();
  ZmqPair(const ZmqPair&) = delete;
  ZmqPair& operator=(const ZmqPair&) = delete;

  void bind(const std::string& endpoint);     // throws Error
  void connect(const std::string& endpoint);  // throws Error
  // Queues the message. A peer that has not connected yet, or is gone, is waited for; false when it
  // did not come within the deadline (whoever watches its process says what that means).
  bool send(const google::protobuf::MessageLite& message, int deadline_ms = kSendDeadlineMs);
  // False when nothing came within the deadline. Throws Error for bytes that are no such message.
  bool receive(google::protobuf::MessageLite* message, int deadline_ms);
  static constexpr int kSendDeadlineMs = 20'000;

 private:
  void* socket_;
};

}  // namespace amalgam::pipeline
