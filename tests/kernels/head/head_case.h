// Random heads and hidden states for the tests of the vocabulary losses, and logits in double.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/device/rng.h"

namespace amalgam::kernels {

inline std::vector<float> random_floats(int64_t n, uint64_t stream, double scale = 1) {
  std::vector<float> x(static_cast<size_t>(n));
  const RngKey key{.seed = 11, .stream = stream};
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(scale * (2 * uniform(key, i) - 1));
  return x;
}

inline std::vector<double> to_double(const std::vector<float>& x) { return {x.begin(), x.end()}; }

// log softmax(h_t · Wᵀ / T) [V] for one token, in double.
inline std::vector<double> log_softmax_row(const std::vector<double>& h,
                                           const std::vector<double>& w, int64_t t, int64_t V,
                                           int64_t D, double temperature = 1) {
  std::vector<double> z(static_cast<size_t>(V));
  for (int64_t v = 0; v < V; ++v) {
    double sum = 0;
    for (int64_t d = 0; d < D; ++d) {
      sum += h[static_cast<size_t>(t * D + d)] * w[static_cast<size_t>(v * D + d)];
    }
    z[static_cast<size_t>(v)] = sum / temperature;
  }
  const double max = *std::max_element(z.begin(), z.end());
  double sum = 0;
  for (const double x : z) sum += std::exp(x - max);
  const double lse = max + std::log(sum);
  for (double& x : z) x -= lse;
  return z;
}

// Largest |got - central difference of loss over x|, relative to the largest difference.
template <class Loss>
double gradient_error(std::vector<double> x, const std::vector<float>& got, const Loss& loss) {
  double error = 0, largest = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double kept = x[i], step = 1e-5;
    x[i] = kept + step;
    const double up = loss(x);
    x[i] = kept - step;
    const double down = loss(x);
    x[i] = kept;
    const double want = (up - down) / (2 * step);
    error = std::max(error, std::abs(want - static_cast<double>(got[i])));
    largest = std::max(largest, std::abs(want));
  }
  return error / largest;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y);
  });
}

}  // namespace amalgam::kernels
