#include "pipeline/sandbox_commands/service.h"

#include <cstdio>

#include "configs/error.h"
#include "configs/log/log.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/run_lock.h"
#include "pipeline/sandbox_commands/images.h"
#include "sandbox/service/agent.h"
#include "sandbox/service/gateway.h"
#include "sandbox/service/service_keys.h"

namespace amalgam::pipeline {
namespace {

void say(const char* who, const std::string& what) {
  log::warn(log::Part::kSandbox, std::string("amalgam: sandbox ") + who + ": " + what);
}

}  // namespace

void SandboxGatewayOptions::describe(OptionSet& options) {
  options.option("--listen", listen, "where clients and agents connect to; port 0: any free one");
  options.option("--key", key, "the gateway's key file", Need::kRequired);
  options.option("--allow", allow, "file with the keys that may connect", Need::kRequired);
  options.option("--dir", dir, "folder of the records", Need::kRequired);
}

int run_sandbox_gateway(const SandboxGatewayOptions& options) {
  const proto::CurveKeys keys = sandbox::read_key_file(options.key, sandbox::KeyUse::kGateway);
  const RunLock lock(options.dir);  // two gateways would have two truths
  sandbox::run_gateway(
      {.listen = options.listen,
       .keys = keys,
       .allowed_keys = options.allow,
       .folder = options.dir},
      interrupted,
      [](const std::string& endpoint) {
        std::printf("listening on %s\n", endpoint.c_str());
        std::fflush(stdout);
      },
      [](const std::string& what) { say("gateway", what); });
  return 0;
}

void SandboxAgentOptions::describe(OptionSet& options) {
  options.option("--gateway", gateway, "where it listens, tcp://HOST:PORT", Need::kRequired);
  options.option("--key", key, "this agent's key file", Need::kRequired);
  options.option("--sandboxes", sandboxes, "that may be here at a time");
  options.option("--parallel", parallel, "commands at a time; others wait");
  describe_store(options, store);
}

int run_sandbox_agent(const SandboxAgentOptions& options) {
  if (options.sandboxes < 1 || options.sandboxes > 1'000'000)
    throw Error("sandbox agent: --sandboxes must be between 1 and 1000000");
  if (options.parallel < 1 || options.parallel > 4096)
    throw Error("sandbox agent: --parallel must be between 1 and 4096");
  std::string why;
  if (!sandbox::create_container({}, &why)) throw Error("sandbox agent: " + why);
  sandbox::run_agent({.gateway = options.gateway,
                      .keys = sandbox::read_key_file(options.key, sandbox::KeyUse::kPeer),
                      .capacity = static_cast<int>(options.sandboxes),
                      .num_threads = static_cast<int>(options.parallel),
                      .images = open_image_store(options.store).folder()},
                     interrupted, [](const std::string& what) {
                       std::printf("%s\n", what.c_str());
                       std::fflush(stdout);
                     });
  return 0;
}

void SandboxKeygenOptions::describe(OptionSet& options) {
  options.option("FILE", file, "the key file to write", Need::kRequired);
  options.option("--gateway", gateway,
                 "the gateway's public key or its .pub file: for an agent or a client");
}

int run_sandbox_keygen(const SandboxKeygenOptions& options) {
  std::printf("%s\n", sandbox::generate_key_file(options.file, options.gateway).c_str());
  return 0;
}

std::shared_ptr<sandbox::GatewayClient> connect_gateway(const std::string& command,
                                                        const std::string& gateway,
                                                        const std::string& key) {
  if (gateway.empty() && key.empty()) return nullptr;
  if (gateway.empty() || key.empty()) throw Error(command + ": --gateway and --key go together");
  auto client = sandbox::GatewayClient::connect(gateway, key);
  client->check();
  return client;
}

void describe_gateway(OptionSet& options, std::string& gateway, std::string& key) {
  options.option("--gateway", gateway, "make sandboxes on other hosts: tcp://HOST:PORT");
  options.option("--key", key, "this client's key file (`amalgam sandbox keygen`)");
}

}  // namespace amalgam::pipeline
