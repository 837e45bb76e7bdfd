#include "configs/tool_config.h"

#include <algorithm>

#include "configs/suggest.h"

namespace amalgam::configs {

std::vector<std::string> builtin_tools() {
  return {"calculator", "edit_file", "grep",   "kv_lookup", "lookup",    "read_file",
          "run_python", "run_shell", "search", "submit",    "write_file"};
}

std::string no_such_tool(const std::string& name, const std::vector<std::string>& known) {
  const std::string hint = nearest(name, known);
  std::string text = "no tool is named '" + name + "'; ";
  if (!hint.empty()) return text + "did you mean " + hint + "?";
  text += "the tools are: ";
  for (const std::string& other : known) text += (&other == &known[0] ? "" : ", ") + other;
  return text;
}

std::optional<Problem> ToolConfig::problem() const {
  const std::string who = "tool '" + name + "' ";
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_word))
    return Problem{"name", "'" + name + "' must be made of letters, digits and _"};
  const std::vector<std::string> builtin = builtin_tools();
  if (std::find(builtin.begin(), builtin.end(), name) != builtin.end())
    return Problem{"name", who + "is built in; choose another name"};
  if (command.empty() && file.empty())
    return Problem{"command", "is missing; " + who + "needs a command or a Python file"};
  if (!command.empty() && !command[0].starts_with('/'))
    return Problem{"command", "'" + command[0] +
                                  "' must be an absolute path inside the sandbox, for example "
                                  "/usr/bin/python3"};
  if (!command.empty() && description.empty())
    return Problem{"description", "is missing; the model must be told what " + who + "does"};
  return std::nullopt;
}

}  // namespace amalgam::configs
