// Rotary position embedding, interleaved pairs (2i, 2i+1), on the LAST `dims` channels of a row
// (MODEL.md §2.2): (a, b) -> (a cos - b sin, a sin + b cos), angle = position · freq_i. Layers with
// a compressor use their own theta with YaRN, for queries, keys and compressed entries alike.
//
// Mistakes it invites: rotating the first channels or halves instead of pairs (RopeTest.HandCase),
// ramp in place of 1 - ramp (RopeTest.YarnEndPoints), angles in f32 (RopeTest.LongPositions).
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

struct RopeScaling {  // YaRN; factor 1 = none
  double factor = 1;
  double original_max_positions = 0;
  double beta_fast = 32, beta_slow = 1;
};

// cos and sin of every position below the limit asked for, in f32 from f64 angles.
class RopeTable {
 public:
  RopeTable() = default;
  RopeTable(int64_t dims, double theta, const RopeScaling& scaling);
  // Extends the table; not thread-safe, call before the kernels run.
  void reserve(int64_t positions);
  int64_t dims() const { return dims_; }
  int64_t positions() const { return positions_; }
  const std::vector<double>& frequencies() const { return freq_; }
  // [dims / 2] cos followed by [dims / 2] sin.
  const float* at(int64_t position) const { return table_.data() + position * dims_; }

 private:
  int64_t dims_ = 0, positions_ = 0;
  std::vector<double> freq_;
  std::vector<float> table_;
};

enum class Rotate { kForward, kInverse };

// Rotates the last table.dims() channels of each row of x [rows, cols] in place. Row r stands at
// positions[r / rows_per_position].
void rope(ThreadPool& pool, const RopeTable& table, Rotate direction, const int32_t* positions,
          int64_t rows_per_position, float* x, int64_t rows, int64_t cols);

// One row, for kernels that fuse the rotation: x points at the rotated channels.
inline void rotate_row(const float* cos_sin, int64_t dims, float sign, float* x) {
  const int64_t half = dims / 2;
  for (int64_t i = 0; i < half; ++i) {
    const float c = cos_sin[i], s = sign * cos_sin[half + i], a = x[2 * i], b = x[2 * i + 1];
    x[2 * i] = __builtin_fmaf(a, c, -(b * s));
    x[2 * i + 1] = __builtin_fmaf(a, s, b * c);
  }
}

}  // namespace amalgam::kernels
