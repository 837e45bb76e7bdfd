// A tool: its schema for the model and the handler that answers a call.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rollout/tools/tool_result.h"
#include "rollout/tools/tool_sandbox.h"

namespace amalgam::rollout {

struct ToolParameter {
  std::string name;
  std::string type;  // of JSON schema: string, integer, number, boolean, array, object; empty: any
  std::string description = {};
  bool required = true;
};

// What a call gave for a tool's parameters.
struct ToolArguments {
  std::map<std::string, std::string> values;  // strings as they are, others as JSON text
  std::string json;                           // the whole object

  // The value of a parameter that may be absent.
  std::optional<std::string> find(const std::string& name) const;
};

// Whether calls may leave files that later calls of the conversation find.
enum class ToolEffect { kNone, kChangesFiles };

struct ToolContext {
  ToolSandbox& sandbox;   // the conversation's own
  size_t max_file_bytes;  // that a tool gives of files, from their beginning on
};

struct Tool {
  std::string name, description;
  std::vector<ToolParameter> parameters;
  ToolEffect effect = ToolEffect::kNone;
  // May be called from any thread.
  std::function<ToolResult(const ToolArguments&, const ToolContext&)> call;
  // JSON schema of the parameters as its owner wrote it; empty: made from `parameters`.
  std::string parameters_schema = {};
};

// OpenAI's form: {"type": "function", "function": {"name", "description", "parameters"}}.
std::string tool_schema(const Tool& tool);

// arguments: JSON text of an object, from the model. Empty when it is not what the tool takes:
// another parameter, a missing one, or one of another type (an integer will do for a string).
std::optional<ToolArguments> read_arguments(const Tool& tool, const std::string& arguments);
// "lookup takes one string, key", for a call that is not so.
std::string how_to_call(const Tool& tool);

}  // namespace amalgam::rollout
