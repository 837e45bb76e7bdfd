#include "rollout/tools/submit.h"

#include "rollout/tools/builtin_tools.h"

namespace amalgam::rollout {

Tool submit_tool() {
  return {.name = kSubmit,
          .description = "Submits the final answer and ends the conversation.",
          .parameters = {{"answer", "string"}},
          .call = [](const ToolArguments& arguments, const ToolContext&) {
            return tool_ok(arguments.values.at("answer"));
          }};
}

std::optional<std::string> submitted_answer(std::span<const model::ToolCall> calls) {
  static const Tool submit = submit_tool();
  for (const model::ToolCall& call : calls) {
    if (call.name != kSubmit) continue;
    if (const auto arguments = read_arguments(submit, call.arguments_json))
      return arguments->values.at("answer");
  }
  return std::nullopt;
}

}  // namespace amalgam::rollout
