#include "kernels/attention/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/simd/scalar_math.h"

namespace amalgam::kernels {

RopeTable::RopeTable(int64_t dims, double theta, const RopeScaling& s) : dims_(dims) {
  const double r = static_cast<double>(dims);
  const double log_theta = scalar::log(theta);
  for (int64_t i = 0; i < dims; i += 2)
    freq_.push_back(scalar::exp(-log_theta * static_cast<double>(i) / r));
  if (s.factor == 1) return;
  // Dimensions that turn more than beta_fast times over the original length keep their frequency,
  // those that turn less than beta_slow times are slowed by the factor, a linear ramp between.
  const auto correction = [&](double beta) {
    return r * scalar::log(s.original_max_positions / (beta * 2 * std::numbers::pi)) /
           (2 * log_theta);
  };
  const double low = std::max(std::floor(correction(s.beta_fast)), 0.0);
  double high = std::min(std::ceil(correction(s.beta_slow)), r - 1);
  if (low == high) high += 0.001;
  for (size_t i = 0; i < freq_.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    freq_[i] = freq_[i] / s.factor * ramp + freq_[i] * (1 - ramp);
  }
}

void RopeTable::reserve(int64_t positions) {
  if (positions <= positions_) return;
  positions = std::max(positions, 2 * positions_);
  const int64_t half = dims_ / 2;
  table_.resize(static_cast<size_t>(positions * dims_));
  for (int64_t p = positions_; p < positions; ++p) {
    float* row = table_.data() + p * dims_;
    for (int64_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(p) * freq_[static_cast<size_t>(i)];
      row[i] = static_cast<float>(scalar::cos(angle));
      row[half + i] = static_cast<float>(scalar::sin(angle));
    }
  }
  positions_ = positions;
}

void rope(ThreadPool& pool, const RopeTable& table, Rotate direction, const int32_t* positions,
          int64_t rows_per_position, float* x, int64_t rows, int64_t cols) {
  const float sign = direction == Rotate::kForward ? 1.0f : -1.0f;
  pool.ranges(rows, 256, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      rotate_row(table.at(positions[r / rows_per_position]), table.dims(), sign,
                 x + (r + 1) * cols - table.dims());
  });
}

}  // namespace amalgam::kernels
