#include "model/encoding/effort.h"

#include "configs/error.h"

namespace amalgam::model {
namespace {

void write_line(const std::string& effort, std::vector<Message>* messages) {
  const std::string line = "Reasoning Effort: " + effort;
  if (messages->empty() || messages->front().role != MessageRole::kSystem) {
    messages->insert(messages->begin(), {.role = MessageRole::kSystem, .content = line});
    return;
  }
  std::string& content = messages->front().content;
  content = content.empty() ? line : line + "\n\n" + content;
}

}  // namespace

bool thinks_at(const std::string& effort, configs::EffortForm form) {
  return form == configs::EffortForm::kLine || effort != "none";
}

void write_effort(const std::string& effort, configs::EffortForm form, EncodeOptions* options,
                  std::vector<Message>* messages) {
  options->mode = thinks_at(effort, form) ? ThinkingMode::kThinking : ThinkingMode::kChat;
  if (form == configs::EffortForm::kLine) {
    write_line(effort, messages);
    return;
  }
  if (effort != "none" && effort != "high" && effort != "max")
    throw Error("the encoding cannot write the effort '" + effort +
                "' (it writes none, high and max); effort_form = \"line\" writes every effort");
  options->effort = effort == "max" ? ReasoningEffort::kMax : ReasoningEffort::kHigh;
}

}  // namespace amalgam::model
