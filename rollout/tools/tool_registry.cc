#include "rollout/tools/tool_registry.h"

#include "configs/check.h"
#include "configs/error.h"
#include "rollout/tools/builtin_tools.h"

namespace amalgam::rollout {

ToolRegistry::ToolRegistry(std::vector<UserTool> user_tools) : user_tools_(std::move(user_tools)) {
  const auto add = [&](Tool tool) {
    std::string name = tool.name;
    CHECK(tools_.emplace(std::move(name), std::move(tool)).second);
  };
  for (Tool (*make)() : {calculator_tool, search_tool, run_python_tool, run_shell_tool,
                         read_file_tool, write_file_tool, edit_file_tool, grep_tool, submit_tool})
    add(make());
  for (const char* name : {"lookup", "kv_lookup"}) add(lookup_tool(name));
  for (const UserTool& user : user_tools_) add(make_tool(user));
}

const Tool* ToolRegistry::find(const std::string& name) const {
  const auto it = tools_.find(name);
  return it == tools_.end() ? nullptr : &it->second;
}

std::vector<std::string> ToolRegistry::names() const {
  std::vector<std::string> names;
  for (const auto& [name, tool] : tools_) names.push_back(name);
  return names;
}

void ToolRegistry::check(const std::vector<std::string>& names_to_check) const {
  for (const std::string& name : names_to_check)
    if (!find(name)) throw Error(configs::no_such_tool(name, names()));
}

const ToolRegistry& ToolRegistry::builtin() {
  static const ToolRegistry registry;
  return registry;
}

}  // namespace amalgam::rollout
