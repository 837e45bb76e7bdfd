// `amalgam sandbox serve`: runs code for others over HTTP, the way SandboxFusion does.
#pragma once
#include <cstdint>
#include <string>

#include "pipeline/command_line/options.h"
#include "pipeline/sandbox_commands/limit_options.h"

namespace amalgam::pipeline {

struct SandboxServeOptions {
  static constexpr const char* kName = "serve";
  static constexpr const char* kSummary = "run code for others: POST /run_code as in SandboxFusion";
  static constexpr const char* kExamples =
      "  amalgam sandbox serve --port 8080\n"
      "  curl -s localhost:8080/run_code -d '{\"code\": \"print(6 * 7)\", \"language\": "
      "\"python\"}'\n"
      "In verl: reward_model.sandbox_fusion.url=http://localhost:8080/run_code\n"
      "Whoever reaches the port may run programs in sandboxes; there is no other check.\n";

  std::string host = "127.0.0.1", substrate = "container";
  int64_t port = 8080, connections = 64;
  double timeout = 3600;
  LimitOptions limit;
  void describe(OptionSet& options);
};

// Serves until SIGINT or SIGTERM. Prints "listening on http://HOST:PORT/run_code" when it is ready
// (port 0: a free one). POST /run_code: sandbox/service/run_code.h; GET /v1/ping: "pong". Throws
// Error when it cannot listen.
int run_sandbox_serve(const SandboxServeOptions& options);

}  // namespace amalgam::pipeline
