// Tools of an episode: those that are built in, and the user's own ([[tool]]).
#pragma once
#include "configs/schema.h"

namespace amalgam::configs {

// The names of the tools that rollout/ brings along, sorted.
std::vector<std::string> builtin_tools();

// One line for a name that is not among `known`: with the nearest one, or with all.
std::string no_such_tool(const std::string& name, const std::vector<std::string>& known);

struct ToolConfig {
  std::string name = {}, description = {}, parameters = {};
  std::vector<std::string> command = {};
  Path file = {};

  template <class V>
  void visit(V& v) {
    v.value("name", name, "letters, digits and _; with a Python file, the function's name");
    v.value("description", description,
            "what the model is told; a Python function without one has its docstring");
    v.value("parameters", parameters,
            "JSON schema of the arguments, as text; empty: none, or those of the Python function");
    v.value("command", command,
            "program and its arguments, as found inside the sandbox: gets the call's arguments as "
            "one JSON object on stdin, its stdout is the result");
    v.value("file", file,
            "without `command`, a Python file with the function; with it, a script whose text is "
            "the command's last argument, as for /bin/sh -c");
  }

  std::optional<Problem> problem() const;
};

}  // namespace amalgam::configs
