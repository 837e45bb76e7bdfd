// Draws from softmax(z) by the inverse CDF in a fixed order. (At a temperature: temper() the row,
// kernels/head/softmax.h.)
//
//   e_v = exp(z_v - max);  the result is the first v with Σ_{u≤v} e_u > uniform · Σ_u e_u
//
// Bits: e by the kernels' exp, running sums in double over v ascending (chunks of 256 first, then
// inside the chunk), so the token is a pure function of (z, uniform) on any machine.
// Mistakes it invites: returning a token of probability 0 when the sum rounds below the threshold
// (CategoricalTest.NeverAnImpossibleToken).
#pragma once
#include <cstdint>

namespace amalgam::kernels {

// z [V], uniform in [0, 1).
int64_t sample_categorical(const float* z, int64_t vocabulary, double uniform);

}  // namespace amalgam::kernels
