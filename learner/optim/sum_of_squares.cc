#include "learner/optim/sum_of_squares.h"

#include <cmath>

namespace amalgam::learner {

double sum_of_squares(const float* x, int64_t n) {
  constexpr int64_t kPartials = 16;
  double sum[kPartials] = {};
  int64_t i = 0;
  for (; i + kPartials <= n; i += kPartials) {
    for (int64_t j = 0; j < kPartials; ++j) {
      const auto v = static_cast<double>(x[i + j]);
      sum[j] = std::fma(v, v, sum[j]);
    }
  }
  for (int64_t j = 0; i + j < n; ++j) {
    const auto v = static_cast<double>(x[i + j]);
    sum[j] = std::fma(v, v, sum[j]);
  }
  for (int64_t half = kPartials / 2; half > 0; half /= 2)
    for (int64_t j = 0; j < half; ++j) sum[j] += sum[j + half];
  return sum[0];
}

}  // namespace amalgam::learner
