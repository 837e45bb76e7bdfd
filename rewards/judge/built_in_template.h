// The prompts for a judge that a run has when its config names no template of its own.
#pragma once
#include <cstdint>
#include <string>

#include "rewards/judge/verdict.h"

namespace amalgam::rewards {

// As JudgeTemplate::parse() reads it; max_points: of kPoints.
std::string built_in_judge_template(VerdictForm form, int64_t max_points);

}  // namespace amalgam::rewards
