#include "rollout/tools/tool_session.h"

#include <algorithm>

#include "configs/utf8.h"
#include "rollout/tools/row_world.h"

namespace amalgam::rollout {
namespace {

std::string join_choices(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 < names.size() ? ", " : " or ") + names[i];
  return text;
}

ToolSandboxOptions sandbox_options(const ToolOptions& options,
                                   const std::vector<std::string>& tools) {
  options.registry->check(tools);
  ToolSandboxOptions sandbox = options.sandbox;
  sandbox.files_may_change = std::any_of(tools.begin(), tools.end(), [&](const std::string& name) {
    return options.registry->find(name)->effect == ToolEffect::kChangesFiles;
  });
  if (!sandbox.files_may_change) sandbox.journal.clear();
  return sandbox;
}

}  // namespace

ToolSession::ToolSession(const std::string& extra_info, const ToolOptions& options,
                         const std::vector<std::string>& tools)
    : names_(tools),
      registry_(*options.registry),
      max_file_bytes_(options.max_file_bytes),
      sandbox_(read_row_files(extra_info), sandbox_options(options, tools)) {}

ToolResult ToolSession::call(const std::string& name, const std::string& arguments) {
  ToolResult result;
  if (std::find(names_.begin(), names_.end(), name) == names_.end()) {
    result = tool_error("no such tool; use " + join_choices(names_));
  } else {
    const Tool& tool = *registry_.find(name);
    const auto read = read_arguments(tool, arguments);
    result = read ? tool.call(*read, {sandbox_, max_file_bytes_}) : tool_error(how_to_call(tool));
  }
  result.text = replace_invalid_utf8(result.text);
  return result;
}

}  // namespace amalgam::rollout
