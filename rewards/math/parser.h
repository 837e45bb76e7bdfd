// Reads an answer, LaTeX or plain text, into a tree.
#pragma once
#include <optional>
#include <string_view>

#include "rewards/math/node.h"
#include "rewards/math/tokens.h"

namespace amalgam::rewards {

// None if the text is no mathematics, or nested too deep (some 70 brackets), or longer than 4,000
// tokens. Several items without brackets are a kList. \pm is still there (signs_chosen()).
std::optional<Node> parse_answer(std::string_view ascii, Commas commas);

}  // namespace amalgam::rewards
