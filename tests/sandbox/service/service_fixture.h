// A gateway, agents and clients in one process, over the loopback.
#pragma once
#include <gtest/gtest.h>
#include <zmq.h>

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "sandbox/service/agent.h"
#include "sandbox/service/gateway.h"
#include "sandbox/service/remote_sandbox.h"
#include "sandbox/service/service_keys.h"
#include "sandbox/service/service_messages.h"
#include "tests/sandbox/images/image_fixture.h"

namespace amalgam::sandbox {

class Service : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string error;
    ASSERT_TRUE(create_container({}, &error)) << error;
    generate_key_file(folder_ / "gateway.key");
    std::string allowed;
    for (const std::string who : {"agent", "me", "other"})
      allowed += (who == "agent" ? "agent " : "client ") +
                 generate_key_file(folder_ / (who + ".key"), folder_ / "gateway.key.pub") + " " +
                 who + "\n";
    write_text(folder_ / "allowed", allowed);
    std::promise<std::string> listening;
    gateway_ = std::thread([&] {
      run_gateway(
          {.listen = "tcp://127.0.0.1:*",
           .keys = read_key_file(folder_ / "gateway.key", KeyUse::kGateway),
           .allowed_keys = folder_ / "allowed",
           .folder = folder_ / "records"},
          [this] { return stop_.load(); },
          [&](const std::string& endpoint) { listening.set_value(endpoint); },
          [](const std::string&) {});
    });
    url_ = listening.get_future().get();
  }
  void TearDown() override {
    stop_agents_ = true;
    for (std::thread& agent : agents_) agent.join();
    stop_ = true;
    gateway_.join();
  }

  void start_agent(int capacity = 16, const std::string& images = {}) {
    const int before = client()->check();
    agents_.emplace_back([this, capacity, images] {
      run_agent(
          {.gateway = url_,
           .keys = read_key_file(folder_ / "agent.key", KeyUse::kPeer),
           .capacity = capacity,
           .num_threads = 4,
           .images = images},
          [this] { return stop_agents_.load(); }, [](const std::string&) {});
    });
    while (client()->check() == before) usleep(10'000);
  }
  std::shared_ptr<GatewayClient> client(const std::string& who = "me") {
    auto& c = clients_[who];
    if (!c) c = GatewayClient::connect(url_, folder_ / (who + ".key"));
    return c;
  }
  void restart_agents() {
    stop_agents_ = true;
    for (std::thread& agent : agents_) agent.join();
    agents_.clear();
    stop_agents_ = false;
    start_agent(16, folder_ / "images");
  }
  // A peer that says whatever a test wants.
  std::unique_ptr<proto::ZmqSocket> raw(const std::string& key) {
    auto socket = std::make_unique<proto::ZmqSocket>(context_, ZMQ_DEALER, kMaxMessageBytes, 100);
    if (!key.empty()) socket->set_keys(read_key_file(folder_ / (key + ".key"), KeyUse::kPeer));
    socket->connect(url_);
    return socket;
  }

  const TempDir folder_;
  std::string url_;
  std::atomic<bool> stop_{false}, stop_agents_{false};
  std::thread gateway_;
  std::vector<std::thread> agents_;
  proto::ZmqContext context_;
  std::map<std::string, std::shared_ptr<GatewayClient>> clients_;
};

}  // namespace amalgam::sandbox
