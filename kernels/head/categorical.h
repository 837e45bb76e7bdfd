// Draws from softmax(z / temperature) by the inverse CDF in a fixed order.
//
//   e_v = exp(z_v/temperature - max);  the result is the first v with Σ_{u≤v} e_u > uniform · Σ_u
//   e_u
//
// Bits: e by the kernels' exp, running sums in double over v ascending (chunks of 256 first, then
// inside the chunk), so the token is a pure function of (z, temperature, uniform) on any machine.
// Mistakes it invites: returning a token of probability 0 when the sum rounds below the threshold
// (CategoricalTest.NeverAnImpossibleToken).
#pragma once
#include <cstdint>

namespace amalgam::kernels {

// z [V], temperature > 0, uniform in [0, 1).
int64_t sample_categorical(const float* z, int64_t vocabulary, float temperature, double uniform);

}  // namespace amalgam::kernels
