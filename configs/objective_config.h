// What a distillation minimises.
#pragma once
#include "configs/schema.h"

namespace amalgam::configs {

enum class Objective { kExact, kSampled };
inline std::vector<std::string> names_of(Objective) { return {"exact", "sampled_advantage"}; }

}  // namespace amalgam::configs
