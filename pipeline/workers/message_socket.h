// Protobuf messages between a controller and one rollout worker.
#pragma once
#include <string>

#include "proto/zmq_socket.h"

namespace google::protobuf {
class MessageLite;
}

namespace amalgam::pipeline {

// One end of a pair. Used by one thread.
class MessageSocket {
 public:
  explicit MessageSocket(const proto::ZmqContext& context);

  void bind(const std::string& endpoint) { socket_.bind(endpoint); }        // throws Error
  void connect(const std::string& endpoint) { socket_.connect(endpoint); }  // throws Error
  // Queues the message. A peer that has not connected yet, or is gone, is waited for; false when it
  // did not come within the deadline (whoever watches its process says what that means). Throws
  // Error for a message larger than Protobuf can write.
  bool send(const google::protobuf::MessageLite& message, int deadline_ms = kSendDeadlineMs);
  // False when nothing came within the deadline. Throws Error for bytes that are no such message.
  bool receive(google::protobuf::MessageLite* message, int deadline_ms);
  static constexpr int kSendDeadlineMs = 20'000;

 private:
  proto::ZmqSocket socket_;
};

}  // namespace amalgam::pipeline
