// Rows with a given answer, as `amalgam reward` reads them.
#pragma once
#include <string>

#include "rewards/registry/score_request.h"

namespace amalgam::pipeline {

// What to ask of a row: an object with `solution`, a text or messages whose last one is the answer,
// beside the row's own columns; it need have no prompt. The answer is what follows the last
// </think>. style: instead of the row's own; empty: the row's. Throws Error, without a place, for a
// line that is no such row.
rewards::ScoreRequest answer_request(const std::string& line, const std::string& style,
                                     const std::string& sample_id);

}  // namespace amalgam::pipeline
