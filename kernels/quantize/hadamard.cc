#include "kernels/quantize/hadamard.h"

#include <bit>
#include <cmath>

#include "configs/check.h"

namespace amalgam::kernels {

void hadamard(ThreadPool& pool, float* x, int64_t rows, int64_t channels) {
  CHECK(channels > 0 && std::has_single_bit(static_cast<uint64_t>(channels)));
  const float scale = 1.0f / std::sqrt(static_cast<float>(channels));
  pool.ranges(rows, 16, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      float* y = x + r * channels;
      for (int64_t half = 1; half < channels; half *= 2)
        for (int64_t i = 0; i < channels; i += 2 * half)
          for (int64_t j = i; j < i + half; ++j) {
            const float a = y[j], b = y[j + half];
            y[j] = a + b, y[j + half] = a - b;
          }
      for (int64_t i = 0; i < channels; ++i) y[i] *= scale;
    }
  });
}

}  // namespace amalgam::kernels
