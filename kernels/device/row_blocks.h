// Sums over rows (gradients of norms, bases, scales) run in fixed blocks of rows: each block sums
// its rows in order, the blocks are added in order. The order never depends on threads.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>

namespace amalgam::kernels {

inline constexpr int64_t kRowBlock = 128;

inline int64_t num_row_blocks(int64_t rows) { return (rows + kRowBlock - 1) / kRowBlock; }
inline std::pair<int64_t, int64_t> row_block(int64_t block, int64_t rows) {
  return {block * kRowBlock, std::min(rows, (block + 1) * kRowBlock)};
}
// parts [num_parts, n] -> sum [n] += each part in order.
inline void add_parts(const float* parts, int64_t num_parts, int64_t n, float* sum) {
  for (int64_t p = 0; p < num_parts; ++p)
    for (int64_t c = 0; c < n; ++c) sum[c] += parts[p * n + c];
}

}  // namespace amalgam::kernels
