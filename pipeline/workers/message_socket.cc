#include "pipeline/workers/message_socket.h"

#include <google/protobuf/message_lite.h>
#include <zmq.h>

#include <climits>

#include "configs/error.h"

namespace amalgam::pipeline {
namespace {

constexpr int kLingerMs = 1000;  // the last words of a worker that leaves

}  // namespace

MessageSocket::MessageSocket(const proto::ZmqContext& context,
                             const std::optional<proto::CurveKeys>& keys)
    : socket_(context, ZMQ_PAIR, /*max_frame_bytes=*/INT_MAX, kLingerMs) {  // Protobuf's own limit
  if (keys) socket_.set_keys(*keys);
}

void MessageSocket::send(const google::protobuf::MessageLite& message) {
  std::string bytes;
  if (!message.SerializeToString(&bytes)) throw Error(message.GetTypeName() + ": is over 2 GiB");
  queued_.push_back(std::move(bytes));
  send_queued();
}

void MessageSocket::send_queued() {
  while (!queued_.empty() && socket_.send({queued_.front()})) queued_.pop_front();
}

MessageSocket::Received MessageSocket::receive(google::protobuf::MessageLite* message,
                                               int deadline_ms) {
  send_queued();
  proto::ZmqMessage received;
  if (!socket_.wait(deadline_ms) || !socket_.receive(&received)) return Received::kNothing;
  return received.frames.size() == 1 && message->ParseFromString(received.frames[0])
             ? Received::kMessage
             : Received::kOtherBytes;
}

}  // namespace amalgam::pipeline
