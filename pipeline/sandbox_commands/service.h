// `amalgam sandbox gateway`, `agent` and `keygen`: sandboxes on other hosts
// (sandbox/service/gateway.h).
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "pipeline/command_line/options.h"
#include "sandbox/service/gateway_client.h"

namespace amalgam::pipeline {

struct SandboxGatewayOptions {
  static constexpr const char* kName = "gateway";
  static constexpr const char* kSummary = "take calls of sandboxes and have agents make them";
  static constexpr const char* kExamples =
      "  amalgam sandbox keygen gateway.key\n"
      "  amalgam sandbox keygen host1.key --gateway gateway.key.pub    # for an agent\n"
      "  amalgam sandbox keygen me.key --gateway gateway.key.pub       # for a client\n"
      "  echo \"agent $(cat host1.key.pub) host1\" >> allowed\n"
      "  echo \"client $(cat me.key.pub) me\" >> allowed\n"
      "  amalgam sandbox gateway --listen tcp://0.0.0.0:7700 --key gateway.key --allow allowed "
      "--dir records\n"
      "  amalgam sandbox agent --gateway tcp://host0:7700 --key host1.key     # on each host\n"
      "  amalgam sandbox run --gateway tcp://host0:7700 --key me.key script.py\n"
      "In a run's config: sandbox.gateway and sandbox.key. Only who has an allowed key gets in; "
      "the\n"
      "list may be edited at any time, for connections to come. The records are journals, for "
      "`amalgam\n"
      "sandbox replay` and `changes`; those of named sessions (sandbox run --session) stay until "
      "you\n"
      "remove them. A gateway that was killed goes on with the same --dir.\n";

  std::string listen = "tcp://127.0.0.1:7700", key, allow, dir;
  void describe(OptionSet& options);
};

// Until SIGINT or SIGTERM. Prints "listening on tcp://ADDRESS:PORT" when it is ready.
int run_sandbox_gateway(const SandboxGatewayOptions& options);

struct SandboxAgentOptions {
  static constexpr const char* kName = "agent";
  static constexpr const char* kSummary = "make the sandboxes that a gateway wants on this host";
  static constexpr const char* kExamples =
      "  amalgam sandbox agent --gateway tcp://host0:7700 --key host1.key\n"
      "  amalgam sandbox agent --gateway tcp://host0:7700 --key host1.key --sandboxes 1000\n"
      "See `amalgam sandbox gateway --help` for the keys. Sandboxes on an image need it in this "
      "host's\n"
      "store: the same `amalgam sandbox build` gives the same image.\n";

  std::string gateway, key, store;
  int64_t sandboxes = 256, parallel = 32;
  void describe(OptionSet& options);
};

// Until SIGINT or SIGTERM. Prints "serving tcp://HOST:PORT" when the gateway has it.
int run_sandbox_agent(const SandboxAgentOptions& options);

struct SandboxKeygenOptions {
  static constexpr const char* kName = "keygen";
  static constexpr const char* kSummary = "make a key for a gateway, an agent or a client";
  static constexpr const char* kExamples =
      "  amalgam sandbox keygen gateway.key\n"
      "  amalgam sandbox keygen me.key --gateway gateway.key.pub\n"
      "Writes FILE, which only its owner may read, and FILE.pub with the public key; prints the "
      "public\n"
      "key. See `amalgam sandbox gateway --help`.\n";

  std::string file, gateway;
  void describe(OptionSet& options);
};

int run_sandbox_keygen(const SandboxKeygenOptions& options);

// The client of a command with --gateway and --key; null without. Error when it cannot be reached
// or one option is missing.
std::shared_ptr<sandbox::GatewayClient> connect_gateway(const std::string& command,
                                                        const std::string& gateway,
                                                        const std::string& key);
void describe_gateway(OptionSet& options, std::string& gateway, std::string& key);

}  // namespace amalgam::pipeline
