#include "tests/rollout/tools/tool_case.h"

#include <nlohmann/json.hpp>

namespace amalgam::rollout {

ToolResult ToolTest::call(ToolSession& session, const std::string& name,
                          const nlohmann::json& arguments) {
  return session.call(name, arguments.dump());
}

std::string ToolTest::good(ToolSession& session, const std::string& name,
                           const nlohmann::json& arguments) {
  const ToolResult result = call(session, name, arguments);
  EXPECT_EQ(result.status, Status::kOk) << result.text << result.detail;
  return result.text;
}

std::string ToolTest::bad(ToolSession& session, const std::string& name,
                          const nlohmann::json& arguments) {
  const ToolResult result = call(session, name, arguments);
  EXPECT_EQ(result.status, Status::kToolError) << result.text << result.detail;
  return result.text;
}

}  // namespace amalgam::rollout
