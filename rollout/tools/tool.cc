#include "rollout/tools/tool.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace amalgam::rollout {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

bool has_type(const json& value, const std::string& type) {
  if (type == "string") return value.is_string() || value.is_number_integer();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  return true;
}

}  // namespace

std::optional<std::string> ToolArguments::find(const std::string& name) const {
  const auto it = values.find(name);
  return it == values.end() ? std::nullopt : std::optional(it->second);
}

std::string tool_schema(const Tool& tool) {
  ordered_json parameters;
  if (!tool.parameters_schema.empty()) {
    parameters = ordered_json::parse(tool.parameters_schema);
  } else {
    ordered_json properties = ordered_json::object(), required = ordered_json::array();
    for (const ToolParameter& p : tool.parameters) {
      ordered_json& property = properties[p.name] = ordered_json::object();
      if (!p.type.empty()) property["type"] = p.type;
      if (!p.description.empty()) property["description"] = p.description;
      if (p.required) required.push_back(p.name);
    }
    parameters = {{"type", "object"}, {"properties", properties}, {"required", required}};
  }
  return ordered_json{{"type", "function"},
                      {"function",
                       {{"name", tool.name},
                        {"description", tool.description},
                        {"parameters", std::move(parameters)}}}}
      .dump();
}

namespace {

// Discarded when it is no JSON, or so deep that to write or copy it would use up the stack.
json parse_shallow(const std::string& text) {
  constexpr int kMaxNesting = 100;
  bool is_deep = false;
  json value = json::parse(
      text,
      [&](int depth, json::parse_event_t, json&) {
        is_deep |= depth > kMaxNesting;
        return !is_deep;
      },
      /*allow_exceptions=*/false);
  return is_deep ? json(json::value_t::discarded) : value;
}

}  // namespace

std::optional<ToolArguments> read_arguments(const Tool& tool, const std::string& arguments) {
  json object = parse_shallow(arguments);
  if (!object.is_object()) return std::nullopt;
  ToolArguments read;
  size_t num_known = 0;
  for (const ToolParameter& p : tool.parameters) {
    const auto it = object.find(p.name);
    if (it == object.end()) {
      if (p.required) return std::nullopt;
      continue;
    }
    if (!has_type(*it, p.type)) return std::nullopt;
    if (p.type == "string" && !it->is_string()) *it = it->dump();
    read.values[p.name] = it->is_string() ? it->get<std::string>() : it->dump();
    ++num_known;
  }
  if (num_known != object.size()) return std::nullopt;
  read.json = object.dump();
  return read;
}

std::string how_to_call(const Tool& tool) {
  if (tool.parameters.empty()) return tool.name + " takes no argument";
  if (tool.parameters.size() == 1 && tool.parameters[0].type == "string")
    return tool.name + " takes one string, " + tool.parameters[0].name;
  std::string text = tool.name + " takes ";
  const char* separator = "";
  for (const ToolParameter& p : tool.parameters) {
    const std::string type = p.type.empty() ? "any value" : p.type;
    text += separator + p.name + " (" + type + (p.required ? ")" : ", optional)");
    separator = ", ";
  }
  return text;
}

}  // namespace amalgam::rollout
