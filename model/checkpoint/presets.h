// Configs of the released models, by name.
#pragma once
#include <optional>
#include <string_view>

#include "model/network/model_config.h"

namespace amalgam::model {

// "deepseek-v4-flash" and "deepseek-v4-pro" (MODEL.md §1); nothing for another name.
std::optional<ModelConfig> preset_config(std::string_view name);

}  // namespace amalgam::model
