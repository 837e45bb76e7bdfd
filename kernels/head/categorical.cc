#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/head/categorical.cc"
#include "kernels/head/categorical.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels {
namespace HWY_NAMESPACE {

// e[v] = exp(z[v] - max)
void ShiftedExp(const float* z, int64_t n, float* e) {
  float top = -INFINITY;
  for (int64_t v = 0; v < n; ++v) top = std::max(top, z[v]);
  const VF max = hn::Set(F32(), top);
  for (int64_t v = 0; v < n; v += kLanes)
    StorePartial(Exp(hn::Sub(LoadPadded(z + v, n - v), max)), e + v, n - v);
}

}  // namespace HWY_NAMESPACE
}  // namespace amalgam::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amalgam::kernels {
HWY_EXPORT(ShiftedExp);

int64_t sample_categorical(const float* z, int64_t vocabulary, double uniform) {
  constexpr int64_t kChunk = 256;
  thread_local std::vector<float> e;
  thread_local std::vector<double> chunks;
  e.resize(static_cast<size_t>(vocabulary));
  HWY_DYNAMIC_DISPATCH(ShiftedExp)(z, vocabulary, e.data());
  chunks.clear();
  double total = 0;
  for (int64_t begin = 0; begin < vocabulary; begin += kChunk) {
    double sum = 0;
    for (int64_t v = begin; v < std::min(vocabulary, begin + kChunk); ++v)
      sum += e[static_cast<size_t>(v)];
    chunks.push_back(sum);
    total += sum;
  }
  const double threshold = uniform * total;
  double before = 0;
  size_t chunk = 0;
  while (chunk + 1 < chunks.size() && before + chunks[chunk] <= threshold)
    before += chunks[chunk++];
  const int64_t begin = static_cast<int64_t>(chunk) * kChunk;
  int64_t last_possible = -1;
  for (int64_t v = begin; v < std::min(vocabulary, begin + kChunk); ++v) {
    const float p = e[static_cast<size_t>(v)];
    if (p > 0) last_possible = v;
    before += p;
    if (p > 0 && before > threshold) return v;
  }
  if (last_possible >= 0) return last_possible;
  // Rounding carried the threshold past everything in reach: the last token that can occur at all.
  for (int64_t v = vocabulary; v-- > 0;)
    if (e[static_cast<size_t>(v)] > 0) return v;
  return 0;
}

}  // namespace amalgam::kernels
#endif
