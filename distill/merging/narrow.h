// From f64 to a stored type in one rounding, to nearest, ties to even.
#pragma once
#include <cstddef>
#include <cstdint>

#include "model/tensors/safetensors.h"

namespace amalgam::distill {

// The two f32 that enclose x: the one whose last bit is set; x itself where it is an f32. Rounding
// this to a format with at least two bits less gives what rounding x gives.
float round_to_odd(double x);

// n numbers as F32, BF16 or F16; false if one of them is too large for it.
[[nodiscard]] bool narrow(const double* x, int64_t n, model::DType dtype, std::byte* out);

}  // namespace amalgam::distill
