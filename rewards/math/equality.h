// Equality of expressions, exact as far as the mathematics is known.
#pragma once
#include <optional>

#include "rewards/math/node.h"

namespace amalgam::rewards {

// Whether two expressions are one function of their variables (for constants: one number).
//
// Rational functions are decided by their values modulo primes (modular.h). Others are evaluated as
// balls (ball.h): balls that do not meet prove a difference; expressions are equal if their balls
// of 1,280 bits meet at every point, which leaves differences below 10^-300 or so unseen. False for
// what is undefined, and for what would take too long.
bool same_value(const Node& a, const Node& b);

// Whether a = c·b for a constant c that is not zero; for an inequality, a positive one.
enum class Factor { kAny, kPositive };
bool proportional(const Node& a, const Node& b, Factor factor);

// −1, 0 or 1 as a <, = or > b; none if either is no real constant. Infinities are allowed.
std::optional<int> order_of(const Node& a, const Node& b);

// 1 for ∞, −1 for −∞, 0 for all others.
int infinity_sign(const Node& node);

}  // namespace amalgam::rewards
