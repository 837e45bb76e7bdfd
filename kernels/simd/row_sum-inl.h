// Sums over a long row (a vocabulary) that keep float precision and fixed bits: chunks of 2048
// summed as 16 partial sums, the chunks added in double in order.
#if defined(AMALGAM_KERNELS_ROW_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef AMALGAM_KERNELS_ROW_SUM_INL_H_
#undef AMALGAM_KERNELS_ROW_SUM_INL_H_
#else
#define AMALGAM_KERNELS_ROW_SUM_INL_H_
#endif

#include <cstdint>

#include "kernels/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels::HWY_NAMESPACE {

// Σ_{i < n} of what term(i, count) gives for elements i … i + kLanes - 1, of which `count` exist.
template <class Term>
HWY_INLINE double SumRow(int64_t n, const Term& term) {
  constexpr int64_t kChunk = 2048;
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kChunk) {
    const int64_t end = begin + kChunk < n ? begin + kChunk : n;
    Sum16 sum;
    int64_t i = begin;
    for (; i + 16 <= end; i += 16) {
      for (int h = 0; h < kHalves; ++h) sum.add(h, term(i + h * kLanes, kLanes));
    }
    for (int h = 0; i < end; ++h, i += kLanes) {
      const int64_t count = end - i < kLanes ? end - i : kLanes;
      const auto exists = hn::FirstN(F32(), static_cast<size_t>(count));
      sum.add(h, hn::IfThenElseZero(exists, term(i, count)));
    }
    total += static_cast<double>(sum.sum());
  }
  return total;
}

}  // namespace amalgam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
