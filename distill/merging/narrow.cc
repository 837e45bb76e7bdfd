#include "distill/merging/narrow.h"

#include <immintrin.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "configs/check.h"
#include "kernels/quantize/quantize.h"

namespace amalgam::distill {

float round_to_odd(double x) {
  const auto nearest = static_cast<float>(x);
  if (nearest == x) return nearest;
  auto bits = std::bit_cast<uint32_t>(nearest);
  if (std::abs(double{nearest}) > std::abs(x)) --bits;  // towards zero, of an infinity too
  return std::bit_cast<float>(bits | 1);
}

bool narrow(const double* x, int64_t n, model::DType dtype, std::byte* out) {
  bool fits = true;
  const auto put = [&](int64_t i, auto value) {
    std::memcpy(out + i * static_cast<int64_t>(sizeof value), &value, sizeof value);
  };
  switch (dtype) {
    case model::DType::kF32:
      for (int64_t i = 0; i < n; ++i) {
        const auto value = static_cast<float>(x[i]);
        fits &= value - value == 0;
        put(i, value);
      }
      return fits;
    case model::DType::kBF16:
      for (int64_t i = 0; i < n; ++i) {
        const uint16_t value = kernels::bf16_bits(round_to_odd(x[i]));
        fits &= (value & 0x7fff) < 0x7f80;
        put(i, value);
      }
      return fits;
    case model::DType::kF16:
      for (int64_t i = 0; i < n; ++i) {
        const auto value = static_cast<uint16_t>(
            _cvtss_sh(round_to_odd(x[i]), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
        fits &= (value & 0x7fff) < 0x7c00;
        put(i, value);
      }
      return fits;
    default:
      CHECK(false);
      return false;
  }
}

}  // namespace amalgam::distill
