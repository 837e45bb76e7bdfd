#include "pipeline/workers/message_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zmq.h>

#include "proto/worker.pb.h"
#include "tests/error_of.h"

namespace amalgam::pipeline {
namespace {

using tests::error_of;

constexpr int kLongMs = 20'000;

class MessageSocketTest : public testing::Test {
 protected:
  proto::ZmqContext context_;
  MessageSocket controller_{context_};
};

TEST_F(MessageSocketTest, NothingIsSentBeforeThereIsAPeer) {
  controller_.bind("inproc://pair");
  proto::CollectRequest request;
  EXPECT_FALSE(controller_.send(request, 10));
  MessageSocket worker(context_);
  worker.connect("inproc://pair");
  EXPECT_FALSE(worker.receive(&request, 10));
  EXPECT_TRUE(controller_.send(request, kLongMs));
  EXPECT_TRUE(worker.receive(&request, kLongMs));
}

TEST_F(MessageSocketTest, AnyNumberOfMessagesWaits) {
  constexpr int kMany = 2 * proto::ZmqSocket::kMaxQueued + 1;
  controller_.bind("inproc://pair");
  MessageSocket worker(context_);
  worker.connect("inproc://pair");
  proto::WorkerReply reply;
  for (int i = 0; i < kMany; ++i) {
    reply.set_sampled_tokens(i);
    ASSERT_TRUE(worker.send(reply, kLongMs));
  }
  for (int i = 0; i < kMany; ++i) {
    ASSERT_TRUE(controller_.receive(&reply, kLongMs));
    ASSERT_EQ(reply.sampled_tokens(), i);
  }
}

TEST_F(MessageSocketTest, BytesThatAreNoMessageAreAnError) {
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
    ASSERT_TRUE(worker.wait_to_send(kLongMs) && worker.send(frames));
    EXPECT_EQ(error_of([&] { controller_.receive(&reply, kLongMs); }),
              "a rollout worker sent bytes that are no amalgam.proto.WorkerReply");
  }
  ASSERT_TRUE(worker.send({is_done}));
  EXPECT_TRUE(controller_.receive(&reply, kLongMs)) << "what follows is understood";
  EXPECT_TRUE(reply.done());
}

}  // namespace
}  // namespace amalgam::pipeline
