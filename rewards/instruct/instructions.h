// The instructions that can be checked: IFEval's 25 and 44 of IFBench's (docs/REWARDS.md).
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/instruct/arguments.h"

namespace amalgam::rewards {

struct Instruction {
  std::string_view id;
  std::vector<Parameter> parameters;
  bool (*holds)(Chars response, const Arguments& arguments);
};

// Sorted by id.
std::span<const Instruction> instructions();
const Instruction* find_instruction(std::string_view id);  // null: unknown

}  // namespace amalgam::rewards
