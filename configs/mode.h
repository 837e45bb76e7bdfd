#pragma once
#include <string>
#include <vector>

namespace amalgam::configs {

// Whether the model's turns begin with reasoning.
enum class Mode { kThinking, kChat };
inline std::vector<std::string> names_of(Mode) { return {"thinking", "chat"}; }

}  // namespace amalgam::configs
