#include "pipeline/workers/message_socket.h"

#include <gtest/gtest.h>
#include <zmq.h>

#include "proto/worker.pb.h"

namespace amalgam::pipeline {
namespace {

using Received = MessageSocket::Received;

constexpr int kLongMs = 20'000;

class MessageSocketTest : public testing::Test {
 protected:
  proto::ZmqContext context_;
  MessageSocket controller_{context_};
};

TEST_F(MessageSocketTest, WhatIsSentBeforeThereIsAPeerGoesLater) {
  controller_.bind("inproc://pair");
  proto::CollectRequest request;
  for (const char* stage : {"first", "second"}) {
    request.set_stage(stage);
    controller_.send(request);
  }
  MessageSocket worker(context_);
  worker.connect("inproc://pair");
  EXPECT_EQ(worker.receive(&request, 10), Received::kNothing);
  EXPECT_EQ(controller_.receive(&request, 0), Received::kNothing);
  for (const char* stage : {"first", "second"}) {
    ASSERT_EQ(worker.receive(&request, kLongMs), Received::kMessage);
    EXPECT_EQ(request.stage(), stage);
  }
  EXPECT_EQ(worker.receive(&request, 10), Received::kNothing);
}

TEST_F(MessageSocketTest, AnyNumberOfMessagesWaits) {
  constexpr int kMany = 2 * proto::ZmqSocket::kMaxQueued + 1;
  controller_.bind("inproc://pair");
  MessageSocket worker(context_);
  worker.connect("inproc://pair");
  proto::WorkerReply reply;
  for (int i = 0; i < kMany; ++i) {
    reply.set_sampled_tokens(i);
    worker.send(reply);
  }
  for (int i = 0; i < kMany; ++i) {
    ASSERT_EQ(controller_.receive(&reply, kLongMs), Received::kMessage);
    ASSERT_EQ(reply.sampled_tokens(), i);
  }
}

TEST_F(MessageSocketTest, BytesThatAreNoMessageAreTold) {
  controller_.bind("inproc://pair");
  proto::ZmqSocket worker(context_, ZMQ_PAIR, -1);
  worker.connect("inproc://pair");
  const std::string is_done = [] {
    proto::WorkerReply reply;
    reply.set_done(true);
    return reply.SerializeAsString();
  }();
  proto::WorkerReply reply;
  for (const auto& frames :
       std::vector<std::vector<std::string_view>>{{"\xff\xff"}, {is_done, is_done}}) {
    ASSERT_TRUE(worker.send(frames));
    EXPECT_EQ(controller_.receive(&reply, kLongMs), Received::kOtherBytes);
  }
  ASSERT_TRUE(worker.send({is_done}));
  EXPECT_EQ(controller_.receive(&reply, kLongMs), Received::kMessage)
      << "what follows is understood";
  EXPECT_TRUE(reply.done());
}

}  // namespace
}  // namespace amalgam::pipeline
