// One text for a tree, the same for equal ones as far as that goes.
#pragma once
#include <string>

#include "rewards/math/node.h"

namespace amalgam::rewards {

// Rational constants exactly ("-3/4"), others by their digits ("1.4142135623730950488"), intervals
// and inequalities as intervals; sums, products, sets and lists in one order. Units are left out.
std::string spelled(const Node& node);

}  // namespace amalgam::rewards
