// The tools of one conversation and the sandbox that they share.
//
// A ToolSession is used by one thread at a time; different ones are independent.
#pragma once
#include <string>
#include <vector>

#include "rollout/tools/tool_registry.h"
#include "rollout/tools/tool_result.h"
#include "rollout/tools/tool_sandbox.h"

namespace amalgam::rollout {

struct ToolOptions {
  ToolSandboxOptions sandbox;
  size_t max_file_bytes = 512;
  const ToolRegistry* registry = &ToolRegistry::builtin();  // outlives the sessions
};

class ToolSession {
 public:
  // extra_info: of the row (rollout/tools/row_world.h). Throws Error for one that cannot be used,
  // and for a name that is no tool. options.sandbox.journal is used only if a tool may change
  // files.
  ToolSession(const std::string& extra_info, const ToolOptions& options,
              const std::vector<std::string>& tools);

  // arguments: JSON text of an object, from the model. Results are valid UTF-8. After
  // kSandboxFailed the call may be made again.
  ToolResult call(const std::string& name, const std::string& arguments);

  // Whether a resumed conversation must make its calls again to find its files.
  bool has_state() const { return sandbox_.files_may_change(); }

 private:
  const std::vector<std::string> names_;
  const ToolRegistry& registry_;
  const size_t max_file_bytes_;
  ToolSandbox sandbox_;
};

}  // namespace amalgam::rollout
