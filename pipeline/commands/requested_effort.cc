#include "pipeline/commands/requested_effort.h"

#include "configs/error.h"
#include "configs/printable.h"
#include "model/encoding/effort.h"

namespace amalgam::pipeline {
namespace {

void check_is_one_of(const char* key, const std::string& value, const char* first,
                     const char* second) {
  if (!value.empty() && value != first && value != second)
    throw Error(std::string("\"") + key + "\" must be \"" + first + "\" or \"" + second + "\"");
}

}  // namespace

std::vector<std::string> apply(const RequestedEffort& r, model::EncodeOptions* options,
                               std::vector<model::Message>* messages) {
  check_is_one_of("thinking_mode", r.thinking_mode, "chat", "thinking");
  check_is_one_of("effort_form", r.effort_form, "encoding", "line");
  const std::string& effort = r.reasoning_effort;
  if (!effort.empty() && !configs::is_effort(effort))
    throw Error(
        "\"reasoning_effort\" must be none, low, high, max or a whole number from 1 to 100, "
        "not " +
        printable(effort));
  const auto form =
      r.effort_form == "line" ? configs::EffortForm::kLine : configs::EffortForm::kEncoding;
  const bool thinks = r.thinking_mode.empty() ? !effort.empty() && model::thinks_at(effort, form)
                                              : r.thinking_mode == "thinking";
  options->mode = thinks ? model::ThinkingMode::kThinking : model::ThinkingMode::kChat;
  std::vector<std::string> used = {"thinking_mode"};
  if (effort.empty()) return used;
  if (thinks != model::thinks_at(effort, form)) {
    if (!thinks && form == configs::EffortForm::kEncoding) return used;
    throw Error("\"reasoning_effort\" " + effort + " is " + (thinks ? "chat" : "thinking") +
                " mode here, and \"thinking_mode\" is " + r.thinking_mode + "; drop one");
  }
  model::write_effort(effort, form, options, messages);
  used.insert(used.end(), {"reasoning_effort", "effort_form"});
  return used;
}

}  // namespace amalgam::pipeline
