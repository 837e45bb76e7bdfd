#include "pipeline/workers/zmq_messages.h"

#include <google/protobuf/message_lite.h>
#include <zmq.h>

#include "configs/check.h"
#include "configs/error.h"

namespace amalgam::pipeline {

ZmqPair::ZmqPair(void* context) : socket_(zmq_socket(context, ZMQ_PAIR)) {
  CHECK(socket_ != nullptr);
  const int none =
      0;  // nothing is waited for when a socket closes, no message is dropped while open
  zmq_setsockopt(socket_, ZMQ_LINGER, &none, sizeof none);
  zmq_setsockopt(socket_, ZMQ_SNDHWM, &none, sizeof none);
  zmq_setsockopt(socket_, ZMQ_RCVHWM, &none, sizeof none);
}
ZmqPair::~ZmqPair() { zmq_close(socket_); }

void ZmqPair::bind(const std::string& endpoint) {
  if (zmq_bind(socket_, endpoint.c_str()) != 0)
    throw Error("cannot listen on " + endpoint + ": " + zmq_strerror(zmq_errno()));
}
void ZmqPair::connect(const std::string& endpoint) {
  if (zmq_connect(socket_, endpoint.c_str()) != 0)
    throw Error("cannot connect to " + endpoint + ": " + zmq_strerror(zmq_errno()));
}

bool ZmqPair::send(const google::protobuf::MessageLite& message, int deadline_ms) {
  const std::string bytes = message.SerializeAsString();
  zmq_pollitem_t item{socket_, 0, ZMQ_POLLOUT, 0};
  if (zmq_poll(&item, 1, deadline_ms) <= 0) return false;
  return zmq_send(socket_, bytes.data(), bytes.size(), ZMQ_DONTWAIT) >= 0;
}

bool ZmqPair::receive(google::protobuf::MessageLite* message, int deadline_ms) {
  zmq_pollitem_t item{socket_, 0, ZMQ_POLLIN, 0};
  if (zmq_poll(&item, 1, deadline_ms) <= 0) return false;
  zmq_msg_t frame;
  zmq_msg_init(&frame);
  const int size = zmq_msg_recv(&frame, socket_, ZMQ_DONTWAIT);
  const bool parsed = size >= 0 && message->ParseFromArray(zmq_msg_data(&frame), size);
  zmq_msg_close(&frame);
  if (size < 0) return false;
  if (!parsed) throw Error("a rollout worker sent bytes that are no " + message->GetTypeName());
  return true;
}

}  // namespace amalgam::pipeline
