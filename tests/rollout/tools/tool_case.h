// A conversation's tools, called as a model calls them.
#pragma once
#include <gtest/gtest.h>

#include <nlohmann/json_fwd.hpp>

#include "rollout/tools/tool_session.h"

namespace amalgam::rollout {

class ToolTest : public testing::Test {
 protected:
  using Status = ToolResult::Status;

  void SetUp() override {
    std::string error;
    if (!sandbox::create_container({}, &error)) GTEST_SKIP() << "no sandbox here: " << error;
  }

  // A session with all tools of a registry.
  static ToolSession session(ToolOptions options = {}, const std::string& extra_info = "") {
    return ToolSession(extra_info, options, options.registry->names());
  }
  static ToolResult call(ToolSession& session, const std::string& name,
                         const nlohmann::json& arguments);
  // The text of a call that must succeed, and of one that must not.
  static std::string good(ToolSession& session, const std::string& name,
                          const nlohmann::json& arguments);
  static std::string bad(ToolSession& session, const std::string& name,
                         const nlohmann::json& arguments);
};

}  // namespace amalgam::rollout
