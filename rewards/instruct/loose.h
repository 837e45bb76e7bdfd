// The shortened copies of a response that IFEval's loose verdict tries too.
#pragma once
#include <string>
#include <vector>

#include "rewards/text/chars.h"

namespace amalgam::rewards {

// Without its first line, its last, both (each stripped), and the response and those three without
// any *; only those that are neither blank nor equal to the response or to one before.
std::vector<std::u32string> loose_variants(Chars response);

}  // namespace amalgam::rewards
