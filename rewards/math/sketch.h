// A rough value of an expression, which tells most unequal ones apart at little cost.
#pragma once
#include <complex>
#include <optional>

#include "rewards/math/node.h"

namespace amalgam::rewards {

// The value where the variables are positive, to six digits and more; none if the node is no plain
// expression or has no value that a double holds.
std::optional<std::complex<double>> sketch_of(const Node& node);

// Of two sketches; false if one is missing.
bool surely_differ(const std::optional<std::complex<double>>& a,
                   const std::optional<std::complex<double>>& b);

}  // namespace amalgam::rewards
