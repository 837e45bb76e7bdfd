// Equality of trees, kind by kind.
#pragma once
#include "rewards/math/node.h"

namespace amalgam::rewards {

// Whether an answer is the ground truth (docs: the conventions in tests/golden/rewards/README.md).
bool is_same(const Node& truth, const Node& answer);

// The part of an answer that is its value: 3 of "x = 3" and of "1 + 2 = 3".
const Node& answered(const Node& node);

}  // namespace amalgam::rewards
