// submit(answer): ends the episode. The answer is what is scored; nothing is sampled after it.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "model/encoding/message.h"

namespace amalgam::rollout {

inline constexpr const char* kSubmit = "submit";

// The answer of the first call among these that submits one. A call of submit that has no answer is
// an error for the model like that of any tool.
std::optional<std::string> submitted_answer(std::span<const model::ToolCall> calls);

}  // namespace amalgam::rollout
