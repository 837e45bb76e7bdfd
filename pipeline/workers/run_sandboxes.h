// What the config says of sandboxes, as the sandbox library takes it.
#pragma once
#include <memory>

#include "configs/run_config.h"
#include "sandbox/sandbox.h"
#include "sandbox/service/gateway_client.h"

namespace amalgam::pipeline {

sandbox::Limits limits_of(const configs::SandboxConfig& config);

// Null: sandboxes are made in this process. Throws Error when the gateway does not answer.
std::shared_ptr<sandbox::GatewayClient> connect_gateway(const configs::SandboxConfig& config);

}  // namespace amalgam::pipeline
