// Where a solution says its answer.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/math/compare.h"

namespace amalgam::rewards {

struct FinalAnswer {
  enum class Where { kNowhere, kBoxes, kMarker, kUnmarked };
  Where where = Where::kNowhere;
  // The contents of one box, or of several that are one list; what follows the last "answer is",
  // "Answer:" or "####", to the end of its line; else the end of the text.
  std::vector<std::string_view> texts;
};
FinalAnswer find_answer(std::string_view solution);

// Reads it: of a sentence the mathematics in it, of a text without a marker its last formula, bold
// text or number. None: there is no answer.
std::optional<Reading> read_answer(const FinalAnswer& found);

}  // namespace amalgam::rewards
