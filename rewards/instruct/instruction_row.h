// The instructions of a row of IFEval's kind.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "rewards/instruct/instructions.h"

namespace amalgam::rewards {

struct GivenInstruction {
  const Instruction* instruction;
  Arguments arguments;
};

struct InstructionRow {
  std::vector<GivenInstruction> given;
  std::string problem;  // one line: why no answer can be checked; empty: none
};

// instruction_id_list (open-instruct: instruction_id) and kwargs, from the row's columns, its
// extra_info or the ground truth, the first of these that has them: lists, or JSON or Python text
// of them; also a list of such objects. A null in kwargs is left out, as are arguments that the
// instruction does not take. Nothing for a row without them.
std::optional<InstructionRow> read_instruction_row(const std::string& ground_truth,
                                                   const std::string& row);

}  // namespace amalgam::rewards
