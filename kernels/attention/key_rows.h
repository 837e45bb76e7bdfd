// KeyRows: rows by absolute position within one sequence, where the rows of earlier calls live in a
// ring of the sequence's cache and those of this call in the batch. Attention and the compressors
// read keys through it, so prefill, decode and training walk the same rows in the same order.
#pragma once
#include <cstdint>

namespace amalgam::kernels {

struct KeyRows {
  const float* now = nullptr;   // row of position `first` in the batch
  int64_t first = 0;            // positions before this call
  const float* ring = nullptr;  // row of position p at ring[(p % ring_rows) · width]
  int64_t ring_rows = 0;
  int64_t width = 0;

  const float* row(int64_t position) const {
    return position >= first ? now + (position - first) * width
                             : ring + (position % ring_rows) * width;
  }
};

}  // namespace amalgam::kernels
