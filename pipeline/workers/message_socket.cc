#include "pipeline/workers/message_socket.h"

#include <google/protobuf/message_lite.h>
#include <zmq.h>

#include <climits>

#include "configs/error.h"

namespace amalgam::pipeline {

MessageSocket::MessageSocket(const proto::ZmqContext& context)
    : socket_(context, ZMQ_PAIR, /*max_frame_bytes=*/INT_MAX) {}  // Protobuf's own limit

bool MessageSocket::send(const google::protobuf::MessageLite& message, int deadline_ms) {
  std::string bytes;
  if (!message.SerializeToString(&bytes)) throw Error(message.GetTypeName() + ": is over 2 GiB");
  return socket_.wait_to_send(deadline_ms) && socket_.send({bytes});
}

bool MessageSocket::receive(google::protobuf::MessageLite* message, int deadline_ms) {
  proto::ZmqMessage received;
  if (!socket_.wait(deadline_ms) || !socket_.receive(&received)) return false;
  if (received.frames.size() != 1 || !message->ParseFromString(received.frames[0]))
    throw Error("a rollout worker sent bytes that are no " + message->GetTypeName());
  return true;
}

}  // namespace amalgam::pipeline
