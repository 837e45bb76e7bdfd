#include "sandbox/service/gateway_client.h"

#include <zmq.h>

#include <chrono>
#include <filesystem>

#include "configs/clock.h"
#include "configs/error.h"
#include "proto/append_file.h"
#include "sandbox/files/hex.h"
#include "sandbox/service/remote_sandbox.h"
#include "sandbox/service/service_keys.h"
#include "sandbox/service/service_messages.h"

namespace amalgam::sandbox {
namespace {

constexpr int kLingerMs = 500;  // for the last message to go

std::string random_name() { return random_hex(16); }

}  // namespace

GatewayClient::GatewayClient(std::string url, proto::CurveKeys keys)
    : url_(std::move(url)), keys_(std::move(keys)) {}

std::shared_ptr<GatewayClient> GatewayClient::connect(const std::string& url,
                                                      const std::string& key_file) {
  if (key_file.empty())
    throw Error("the gateway " + url + " needs a key file; see `amalgam sandbox keygen --help`");
  std::shared_ptr<GatewayClient> client(
      new GatewayClient(url, read_key_file(key_file, KeyUse::kPeer)));
  client->give_back(client->make());  // a bad URL is seen here
  return client;
}

std::unique_ptr<proto::ZmqSocket> GatewayClient::make() const {
  auto connection =
      std::make_unique<proto::ZmqSocket>(context_, ZMQ_DEALER, kMaxMessageBytes, kLingerMs);
  connection->set_keys(keys_);
  connection->connect(url_);
  return connection;
}

std::unique_ptr<proto::ZmqSocket> GatewayClient::take() {
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  return make();
}

void GatewayClient::give_back(std::unique_ptr<proto::ZmqSocket> connection) {
  std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connection));
}

std::string GatewayClient::handshake_problem(proto::ZmqSocket* connection) const {
  switch (connection->handshake()) {
    case proto::Handshake::kNone:
      return {};
    case proto::Handshake::kRefused:
      return "the gateway " + url_ + " refuses this key; add it to the gateway's list as a client";
    case proto::Handshake::kBroken:
      return "the gateway " + url_ +
             " does not accept this connection; is the gateway's key in the key file right?";
  }
  return {};
}

int GatewayClient::check(double deadline_seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(deadline_seconds);
  auto connection = take();
  proto::ClientRequest hello;
  hello.set_hello(true);
  connection->send({hello.SerializeAsString()});
  while (Clock::now() < end) {
    connection->wait(kLookMs);
    for (proto::ZmqMessage message; connection->receive(&message);) {
      proto::ClientReply reply;
      if (message.frames.size() != 1 || !reply.ParseFromString(message.frames[0])) continue;
      if (!reply.refused().empty()) throw Error(url_ + ": " + reply.refused());
      if (!reply.has_num_agents()) continue;
      const int agents = static_cast<int>(reply.num_agents());
      give_back(std::move(connection));
      return agents;
    }
    if (const std::string problem = handshake_problem(connection.get()); !problem.empty())
      throw Error(problem);
  }
  throw Error("the gateway " + url_ + " does not answer; is it running?");
}

std::unique_ptr<RemoteSandbox> GatewayClient::open(const std::string& substrate,
                                                   const Limits& limits, const Image& image,
                                                   const std::string& session) {
  return std::make_unique<RemoteSandbox>(
      shared_from_this(), session.empty() ? random_name() : session,
      make_spec(substrate, limits, image, /*keep=*/!session.empty()));
}

std::unique_ptr<RemoteSandbox> GatewayClient::open_resumable(const std::string& file,
                                                             const std::string& substrate,
                                                             const Limits& limits,
                                                             const Image& image) {
  if (!std::filesystem::exists(file)) proto::write_file_atomically(file, random_name());
  const std::string session = proto::read_file(file);
  if (!is_plain_name(session)) throw Error(file + ": is not the name of a session; remove it");
  return std::make_unique<RemoteSandbox>(shared_from_this(), session,
                                         make_spec(substrate, limits, image, /*keep=*/false), file);
}

SandboxFactory sandbox_factory(std::shared_ptr<GatewayClient> client,
                               const std::string& substrate) {
  return [substrate, client = std::move(client)](const Limits& limits, const Image& image,
                                                 std::string* error) -> std::unique_ptr<Sandbox> {
    const bool has_image = !image.layers.empty();
    if (client) return client->open(has_image ? "container" : substrate, limits, image);
    return has_image ? create_on_image(limits, image, error) : create(substrate, limits, error);
  };
}

}  // namespace amalgam::sandbox
