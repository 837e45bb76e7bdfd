#include "rollout/tools/user_tool.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/log/log.h"
#include "proto/append_file.h"

namespace amalgam::rollout {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// stdin: {"source", "file", "function"} and, unless it is to be described, "arguments". What the
// function prints goes to stderr. Exit code 0: stdout is the result, a description as JSON; 3: what
// is wrong.
const char* const kHarness = R"(
import inspect, json, os, sys, types

request = json.loads(sys.stdin.buffer.read())
stdout = os.dup(1)
os.dup2(2, 1)

def say(text, code=0):
    try:
        sys.stdout.flush()
    except Exception:
        pass
    data = text.encode(errors='replace')
    while data:
        data = data[os.write(stdout, data):]
    os._exit(code)

def fail(what):
    say(what, 3)

TYPES = {str: 'string', int: 'integer', float: 'number', bool: 'boolean', list: 'array',
         tuple: 'array', dict: 'object'}

def describe(function):
    properties, required = {}, []
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            fail(f'has the parameter {parameter}; a tool takes its arguments by name')
        kind = parameter.annotation
        kind = TYPES.get(getattr(kind, '__origin__', kind))
        properties[name] = {'type': kind} if kind else {}
        if parameter.default is parameter.empty:
            required.append(name)
    return json.dumps({'description': inspect.getdoc(function) or '', 'parameters': {
        'type': 'object', 'properties': properties, 'required': required}})

def main():
    module = types.ModuleType('tools')
    module.__file__ = request['file']
    sys.modules['tools'] = module
    exec(compile(request['source'], request['file'], 'exec'), module.__dict__)
    function = getattr(module, request['function'], None)
    if not callable(function):
        fail(f'there is no function {request["function"]}')
    if 'arguments' not in request:
        return describe(function)
    result = function(**request['arguments'])
    if isinstance(result, str):
        return result
    try:
        return json.dumps(result, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        fail(f'it returned a {type(result).__name__} that is neither text nor JSON')

try:
    text = main()
except BaseException as error:
    fail(f'{type(error).__name__}: {error}')
say(text)
)";

sandbox::Command python_call(const UserTool& tool, const json* arguments) {
  json request = {{"source", tool.source()}, {"file", tool.file_name()}, {"function", tool.name()}};
  if (arguments) request["arguments"] = *arguments;
  return {{"/usr/bin/python3", "-I", "-B", "-c", kHarness}, request.dump()};
}

ToolResult call_python(const UserTool& tool, const ToolArguments& arguments,
                       const ToolContext& context) {
  const json object = json::parse(arguments.json);
  const sandbox::Result result = context.sandbox.exec(python_call(tool, &object));
  log::printed(log::Part::kTool, "tool " + tool.name(), result.err);
  if (result.outcome == sandbox::Outcome::kOk)
    return tool_ok(without_final_line_breaks(result.out));
  if (result.outcome == sandbox::Outcome::kExit && result.exit_code == 3)
    return tool_error(result.out);
  return command_result(result);
}

ToolResult call_command(const UserTool& tool, const ToolArguments& arguments,
                        const ToolContext& context) {
  // A command that is Python imports nothing that code before it left in /work.
  const sandbox::Result result =
      context.sandbox.exec({.argv = {tool.command().begin(), tool.command().end()},
                            .stdin_text = arguments.json,
                            .environment = {"PYTHONSAFEPATH=1", "PYTHONNOUSERSITE=1"}});
  log::printed(log::Part::kTool, "tool " + tool.name(), result.err);
  if (result.outcome == sandbox::Outcome::kOk)
    return tool_ok(without_final_line_breaks(result.out));
  return command_result(result);
}

// Throws Error with what is wrong with a schema of parameters.
std::vector<ToolParameter> parameters_of(const std::string& schema) {
  const ordered_json object = ordered_json::parse(schema, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) throw Error("is not a JSON object");
  if (object.value("type", ordered_json("object")) != "object")
    throw Error("must have the type \"object\"");
  const ordered_json properties = object.value("properties", ordered_json::object());
  const ordered_json required = object.value("required", ordered_json::array());
  if (!properties.is_object() || !required.is_array())
    throw Error("must have \"properties\", an object, and \"required\", a list");
  std::vector<ToolParameter> parameters;
  for (const auto& [name, property] : properties.items()) {
    if (!property.is_object()) throw Error("the property " + name + " must be an object");
    const ordered_json type = property.value("type", ordered_json());
    parameters.push_back(
        {.name = name, .type = type.is_string() ? type.get<std::string>() : "", .required = false});
  }
  for (const ordered_json& name : required) {
    const auto it = std::find_if(parameters.begin(), parameters.end(), [&](const auto& p) {
      return name.is_string() && p.name == name.template get<std::string>();
    });
    if (it == parameters.end()) throw Error("requires " + name.dump() + ", which is no property");
    it->required = true;
  }
  return parameters;
}

// Where a tool is looked at before the run.
struct Trial {
  const sandbox::SandboxFactory& make;
  const sandbox::Image& image;
};

sandbox::Result run_once(const std::string& where, const Trial& trial,
                         const sandbox::Command& command) {
  std::string error;
  // Imports may take longer than a call.
  const auto sandbox = trial.make({.cpu_seconds = 30, .wall_seconds = 120}, trial.image, &error);
  if (!sandbox) throw Error(where + "no sandbox to try it in: " + error);
  return sandbox->exec(command);
}

void check_program(const std::string& where, const Trial& trial, const std::string& program) {
  const sandbox::Result result = run_once(where, trial, {{"/usr/bin/test", "-x", program}});
  if (result.outcome == sandbox::Outcome::kOk) return;
  if (result.outcome == sandbox::Outcome::kExit && result.exit_code == 1)
    throw Error(where + program + " is no program inside a sandbox, which sees /usr and /bin");
  throw Error(where + "cannot be tried: " + sandbox::to_string(result.outcome) + " " +
              shorten(result.err + result.detail, 400));
}

// Fills what the function says itself.
void describe_function(const std::string& where, const Trial& trial, UserTool* tool) {
  const sandbox::Result result = run_once(where, trial, python_call(*tool, nullptr));
  if (result.outcome == sandbox::Outcome::kExit && result.exit_code == 3)
    throw Error(where + result.out);
  const json answer = json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  if (result.outcome != sandbox::Outcome::kOk || !answer.is_object())
    throw Error(where + "cannot be loaded: " + sandbox::to_string(result.outcome) + " " +
                shorten(result.err + result.detail, 400));
  if (tool->description().empty()) tool->set_description(answer.value("description", ""));
  if (tool->description().empty())
    throw Error(where + "give it a docstring, or the [[tool]] a description");
  // In the order of the function.
  if (tool->parameters().empty())
    tool->set_parameters(ordered_json::parse(result.out).at("parameters").dump());
}

}  // namespace

UserTool load_user_tool(const configs::ToolConfig& config, const sandbox::SandboxFactory& make,
                        const sandbox::Image& image) {
  const Trial trial{make, image};
  UserTool tool;
  tool.set_name(config.name);
  tool.set_description(config.description);
  tool.set_parameters(config.parameters);
  tool.mutable_command()->Assign(config.command.begin(), config.command.end());
  tool.set_file_name(config.file.filename().string());
  const std::string where = "tool '" + config.name + "': ";
  if (!config.command.empty()) {
    check_program(where, trial, config.command[0]);
    if (!config.file.empty()) tool.add_command(proto::read_file(config.file.string()));
    if (tool.parameters().empty()) tool.set_parameters(R"({"type": "object", "properties": {}})");
  } else {
    tool.set_source(proto::read_file(config.file.string()));
    describe_function(where + config.file.string() + ": ", trial, &tool);
  }
  try {
    parameters_of(tool.parameters());
  } catch (const Error& e) {
    throw Error(where + "its `parameters` " + e.what());
  }
  return tool;
}

Tool make_tool(const UserTool& user) {
  return {.name = user.name(),
          .description = user.description(),
          .parameters = parameters_of(user.parameters()),
          .effect = ToolEffect::kChangesFiles,
          .call =
              [user](const ToolArguments& arguments, const ToolContext& context) {
                return user.command().empty() ? call_python(user, arguments, context)
                                              : call_command(user, arguments, context);
              },
          .parameters_schema = user.parameters()};
}

}  // namespace amalgam::rollout
