// Protobuf messages between a controller and one rollout worker.
#pragma once
#include <deque>
#include <optional>
#include <string>

#include "proto/zmq_socket.h"

namespace google::protobuf {
class MessageLite;
}

namespace amalgam::pipeline {

// One end of a pair. Used by one thread at a time.
class MessageSocket {
 public:
  // Without keys for the two ends of one process.
  explicit MessageSocket(const proto::ZmqContext& context,
                         const std::optional<proto::CurveKeys>& keys = std::nullopt);

  void bind(const std::string& endpoint) { socket_.bind(endpoint); }        // throws Error
  void connect(const std::string& endpoint) { socket_.connect(endpoint); }  // throws Error
  // Does not wait: what a peer that has not connected yet cannot take goes with a later send or
  // receive. Throws Error for a message larger than Protobuf can write.
  void send(const google::protobuf::MessageLite& message);

  enum class Received { kNothing, kMessage, kOtherBytes };
  // kNothing: none came within the deadline; kOtherBytes: what came is no such message.
  Received receive(google::protobuf::MessageLite* message, int deadline_ms);

 private:
  void send_queued();

  proto::ZmqSocket socket_;
  std::deque<std::string> queued_;
};

}  // namespace amalgam::pipeline
