// Numerals of other bases: "204_5", "(1011)_{2}", "A5 base 16".
#pragma once
#include <optional>
#include <string_view>

#include "rewards/math/node.h"

namespace amalgam::rewards {

// Of a whole text in words() (words.h): its digits and base as a kBased.
std::optional<Node> based_number(std::string_view words);

}  // namespace amalgam::rewards
