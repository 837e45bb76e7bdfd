#include "pipeline/workers/run_sandboxes.h"

namespace amalgam::pipeline {

sandbox::Limits limits_of(const configs::SandboxConfig& config) {
  return {.cpu_seconds = config.cpu_seconds,
          .wall_seconds = config.wall_seconds,
          .memory_bytes = config.memory_mb << 20,
          .disk_bytes = config.disk_mb << 20,
          .max_processes = static_cast<int>(config.max_processes),
          .output_bytes = config.output_kb << 10};
}

std::shared_ptr<sandbox::GatewayClient> connect_gateway(const configs::SandboxConfig& config) {
  if (config.gateway.empty()) return nullptr;
  auto gateway = sandbox::GatewayClient::connect(config.gateway, config.key.string());
  gateway->check();
  return gateway;
}

}  // namespace amalgam::pipeline
