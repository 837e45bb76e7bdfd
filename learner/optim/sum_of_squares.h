// Σ x_i² in double. The order is fixed: 16 partial sums (element i goes to i mod 16) combined in
// one tree. So the bits depend on the numbers only, not on threads or vector width.
#pragma once
#include <cstdint>

namespace amalgam::learner {

double sum_of_squares(const float* x, int64_t n);

}  // namespace amalgam::learner
