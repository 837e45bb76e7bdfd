// All tools that the episodes of a run may use, by name: those built in and the user's own.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "rollout/tools/tool.h"
#include "rollout/tools/user_tool.h"

namespace amalgam::rollout {

class ToolRegistry {
 public:
  explicit ToolRegistry(std::vector<UserTool> user_tools = {});

  // Null: there is no such tool.
  const Tool* find(const std::string& name) const;
  std::vector<std::string> names() const;
  // Throws Error with the nearest name when one of them is no tool.
  void check(const std::vector<std::string>& names) const;
  const std::vector<UserTool>& user_tools() const { return user_tools_; }

  // With the built-in tools only.
  static const ToolRegistry& builtin();

 private:
  std::map<std::string, Tool> tools_;
  std::vector<UserTool> user_tools_;
};

}  // namespace amalgam::rollout
