// Verifiable instructions: IFEval's and IFBench's by their ids, or constraints on words and JSON
// objects.
#pragma once
#include <optional>
#include <string>

#include "rewards/score/score.h"

namespace amalgam::rewards {

struct InstructOptions {
  bool loose = false;     // an id holds if it does for the response or for a shortened copy of it
  bool fraction = false;  // the share of ids that hold; otherwise 1 if all do, else 0
};

// Why no answer to a row can be scored; none: it can. ground_truth and row are JSON texts; row is
// the user's whole row, or empty. A row of IFEval's kind has instruction_id_list and kwargs in its
// columns, in its extra_info or as its ground truth (instruction_row.h); any other has a ground
// truth as constraints.h says.
std::optional<std::string> problem_of_constraints(const std::string& ground_truth,
                                                  const std::string& row = "");

// Of a row of IFEval's kind the verdicts are "strict" and "loose", one for each id in order, and
// the parts "strict_fraction" and "loose_fraction" their shares. kBadRow for a row with a problem.
Score score_instruct(const std::string& solution, const std::string& ground_truth,
                     const std::string& row = "", const InstructOptions& options = {});

}  // namespace amalgam::rewards
