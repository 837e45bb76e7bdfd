// Messages of the sandbox service that nobody of ours sends.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <random>

#include "sandbox/journal/journal.h"
#include "tests/sandbox/service/service_fixture.h"

namespace amalgam::sandbox {
namespace {

// Valid messages, cut, flipped and of random bytes.
std::string damaged(std::mt19937_64* random, std::string bytes) {
  switch ((*random)() % 3) {
    case 0:
      bytes.resize((*random)() % (bytes.size() + 1));
      break;
    case 1:
      for (uint64_t n = 1 + (*random)() % 4; n > 0 && !bytes.empty(); --n)
        bytes[(*random)() % bytes.size()] = static_cast<char>((*random)());
      break;
    default:
      bytes.assign((*random)() % 200, '\0');
      for (char& c : bytes) c = static_cast<char>((*random)());
  }
  return bytes;
}

TEST_F(Service, NoMessageBreaksTheGateway) {
  start_agent();
  const auto box = client()->open("container", {});
  EXPECT_EQ(shell(*box, "echo 1 > x").outcome, Outcome::kOk);
  std::mt19937_64 random(1);
  proto::ClientRequest ask;
  ask.set_session("fuzz");
  *ask.mutable_spec() = make_spec("container", {}, {}, true);
  *ask.mutable_call() = to_proto(Command{{"/bin/true"}});
  proto::AgentMessage done;
  done.mutable_done()->set_call(1);
  done.mutable_done()->mutable_result()->set_out("x");
  proto::AgentMessage enroll;
  enroll.mutable_register_()->set_instance(1);
  enroll.mutable_register_()->set_capacity(-1);  // would be placed on otherwise
  for (const std::string who : {"me", "agent", ""}) {
    const auto peer = raw(who);
    for (int i = 0; i < 2000; ++i) {
      const std::string bytes = damaged(&random, (who == "me" ? ask.SerializeAsString()
                                                  : i % 2     ? done.SerializeAsString()
                                                              : enroll.SerializeAsString()));
      const std::vector<std::string_view> many(1 + random() % 9, bytes);
      peer->send(i % 8 ? std::vector<std::string_view>{bytes} : many);
      proto::ZmqMessage answer;
      while (peer->receive(&answer)) {
      }
    }
    usleep(200'000);
  }
  // What a damaged message may have been enrolled as an agent takes no calls of this session.
  const Result r = shell(*box, "cat x");
  EXPECT_EQ(r.out, "1\n") << to_string(r.outcome) << " " << r.detail;
}

TEST_F(Service, NoMessageBreaksAnAgent) {
  // The gateway here is the test.
  proto::ZmqSocket gateway(context_, ZMQ_ROUTER, kMaxMessageBytes);
  gateway.set_keys(read_key_file(folder_ / "gateway.key", KeyUse::kGateway));
  gateway.bind("tcp://127.0.0.1:*");
  agents_.emplace_back([this, url = gateway.bound_endpoint()] {
    run_agent(
        {.gateway = url, .keys = read_key_file(folder_ / "agent.key", KeyUse::kPeer)},
        [this] { return stop_agents_.load(); }, [](const std::string&) {});
  });
  proto::ZmqMessage message;
  ASSERT_TRUE(gateway.wait(10'000));
  ASSERT_TRUE(gateway.receive(&message));
  const std::string route = message.frames[0];
  std::mt19937_64 random(1);
  proto::AgentRequest request;
  auto* call = request.mutable_call();
  call->set_call(1);
  call->set_session("fuzz");
  call->set_is_new(true);
  *call->mutable_spec() = make_spec("container", {}, {}, true);
  *call->mutable_ask() = to_proto(Command{{"/bin/true"}});
  auto* change = call->add_changes();
  change->set_path("../../x");
  change->set_mode(S_IFREG | 0644);
  const auto answer_to = [&](uint64_t number) {
    for (int i = 0; i < 300; ++i) {
      gateway.wait(100);
      while (gateway.receive(&message)) {
        proto::AgentMessage from;
        EXPECT_TRUE(message.frames.size() == 2 && from.ParseFromString(message.frames[1]));
        if (from.has_done() && from.done().call() == number) return from.done().result();
      }
    }
    ADD_FAILURE() << "no answer";
    return proto::SandboxResult();
  };
  gateway.send({route, request.SerializeAsString()});
  EXPECT_EQ(answer_to(1).outcome(), static_cast<int>(Outcome::kSandboxFailed));
  call->clear_changes();
  for (int i = 0; i < 300; ++i) {
    // No refusal, which ends an agent.
    proto::AgentRequest parsed;
    const std::string bytes = damaged(&random, request.SerializeAsString());
    if (parsed.ParseFromString(bytes) && !parsed.refused().empty()) continue;
    gateway.send({route, bytes});
  }
  call->set_call(2);
  call->set_session("after");
  gateway.send({route, request.SerializeAsString()});
  EXPECT_EQ(answer_to(2).outcome(), static_cast<int>(Outcome::kOk));
}

}  // namespace
}  // namespace amalgam::sandbox
