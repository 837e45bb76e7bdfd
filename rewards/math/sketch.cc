#include "rewards/math/sketch.h"

#include <cmath>

#include "rewards/math/ball.h"

namespace amalgam::rewards {

std::optional<std::complex<double>> sketch_of(const Node& node) {
  // 18 % may be 18, and 90° be π/2.
  if (!is_expression(node) || contains(node, Kind::kPercent) || contains(node, Kind::kDegree))
    return std::nullopt;
  constexpr long kBits = 64, kFewestBits = 30;
  long steps = 400;
  Ball value;
  if (!evaluate(node, Point::kPositive, kBits, &steps, &value)) return std::nullopt;
  if (!acb_is_exact(value.get()) && acb_rel_accuracy_bits(value.get()) < kFewestBits)
    return std::nullopt;
  const std::complex<double> rough(arf_get_d(arb_midref(acb_realref(value.get())), ARF_RND_NEAR),
                                   arf_get_d(arb_midref(acb_imagref(value.get())), ARF_RND_NEAR));
  if (!std::isfinite(rough.real()) || !std::isfinite(rough.imag())) return std::nullopt;
  return rough;
}

bool surely_differ(const std::optional<std::complex<double>>& a,
                   const std::optional<std::complex<double>>& b) {
  return a && b && std::abs(*a - *b) > 1e-6 * (std::abs(*a) + std::abs(*b));
}

}  // namespace amalgam::rewards
