#include "pipeline/workers/message_socket.h"

#include <gtest/gtest.h>
#include <unistd.h>
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

// Over a real connection, which anyone on this machine can make.
TEST_F(MessageSocketTest, OnlyWhoHasTheKeysIsHeard) {
  const std::string endpoint = "ipc://@amalgam-test-" + std::to_string(getpid());
  const proto::CurveKeys ours = proto::make_curve_keys();
  proto::CurveKeys its = proto::make_curve_keys(), guessed = proto::make_curve_keys();
  its.server_key = ours.public_key;
  guessed.server_key = guessed.public_key;
  MessageSocket controller(context_, ours);
  controller.bind(endpoint);
  proto::WorkerReply forged, reply;
  forged.set_done(true);
  // They come first, and stay.
  MessageSocket plain(context_), stranger(context_, guessed);
  for (MessageSocket* socket : {&plain, &stranger}) {
    socket->connect(endpoint);
    socket->send(forged);
  }
  EXPECT_EQ(controller.receive(&reply, 500), Received::kNothing);
  MessageSocket worker(context_, its);
  worker.connect(endpoint);
  reply.set_sampled_tokens(7);
  worker.send(reply);
  proto::CollectRequest request;
  request.set_stage("rl");
  controller.send(request);
  ASSERT_EQ(controller.receive(&reply, kLongMs), Received::kMessage);
  EXPECT_EQ(reply.sampled_tokens(), 7);
  EXPECT_FALSE(reply.done());
  EXPECT_EQ(controller.receive(&reply, 0), Received::kNothing);  // what was queued goes
  ASSERT_EQ(worker.receive(&request, kLongMs), Received::kMessage);
  EXPECT_EQ(request.stage(), "rl");
  EXPECT_EQ(controller.receive(&reply, 200), Received::kNothing);
  for (MessageSocket* socket : {&plain, &stranger})
    EXPECT_EQ(socket->receive(&request, 0), Received::kNothing);
}

}  // namespace
}  // namespace amalgam::pipeline
