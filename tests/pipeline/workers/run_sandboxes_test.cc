#include "pipeline/workers/run_sandboxes.h"

#include <gtest/gtest.h>

namespace amalgam::pipeline {
namespace {

TEST(RunSandboxes, TheConfigsLimits) {
  EXPECT_EQ(limits_of({}), sandbox::Limits{}) << "the defaults are the same";
  configs::SandboxConfig config;
  config.cpu_seconds = 1.5;
  config.wall_seconds = 60;
  config.memory_mb = 3;
  config.disk_mb = 5;
  config.max_processes = 7;
  config.output_kb = 9;
  EXPECT_EQ(limits_of(config), (sandbox::Limits{.cpu_seconds = 1.5,
                                                .wall_seconds = 60,
                                                .memory_bytes = 3 * 1048576,
                                                .disk_bytes = 5 * 1048576,
                                                .max_processes = 7,
                                                .output_bytes = 9 * 1024}));
}

TEST(RunSandboxes, NoGatewayIsNoClient) { EXPECT_EQ(connect_gateway({}), nullptr); }

}  // namespace
}  // namespace amalgam::pipeline
