// One tensor of a merging: where its elements lie in each model.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/device/thread_pool.h"
#include "model/checkpoint/stored_model.h"

namespace amalgam::distill {

struct MergeTensor {
  std::string name;
  int64_t rows = 1, cols = 1;  // of the last dimension; a 1-D tensor is one row
  // Quantised ones as they are, all others as [size, 1], so that any element can be read.
  std::optional<model::FloatSource> base = {};  // absent: linear, slerp
  std::vector<model::FloatSource> models = {};

  int64_t size() const { return rows * cols; }
};

// A range of elements, the unit of parallel work. Sums are over whole blocks and then over blocks
// in order, so blocks are a function of the tensor alone.
struct Block {
  int64_t index, begin, end;
  int64_t size() const { return end - begin; }
};
inline constexpr int64_t kBlockElements = 1 << 15;

// Elements that no block divides: a row where something can only be read or ranked by rows.
inline int64_t block_unit(const MergeTensor& t, bool by_rows) {
  int64_t unit = by_rows ? t.cols : 1;
  if (t.base) unit = std::max(unit, t.base->cols);
  for (const model::FloatSource& s : t.models) unit = std::max(unit, s.cols);
  return unit;
}

// Elements [begin, end), of whole blocks' units; false if one is not finite.
[[nodiscard]] inline bool read_elements(const model::FloatSource& s, int64_t begin, int64_t end,
                                        float* out) {
  return model::read_rows(s, begin / s.cols, end / s.cols, out);
}

// Elements of a block, but for the last one; and blocks of n elements.
inline int64_t block_step(int64_t unit) {
  return unit * std::max<int64_t>(1, kBlockElements / unit);
}
inline int64_t num_blocks(int64_t n, int64_t unit) {
  return (n + block_step(unit) - 1) / block_step(unit);
}

// Calls f(block, worker) for the blocks of [begin, end), numbered from 0; workers
// are numbered below num_workers(pool), one call of each at a time, and fewer where blocks are
// large: each has memory of its own for one.
inline constexpr int64_t kMaxWorkElements = 1 << 22;
inline int64_t num_workers(const kernels::ThreadPool& pool) {
  return std::min(pool.num_threads(), 32);
}
template <class F>
void for_blocks(kernels::ThreadPool& pool, int64_t begin, int64_t end, int64_t unit, const F& f) {
  const int64_t step = block_step(unit), count = num_blocks(end - begin, unit);
  std::atomic<int64_t> next{0};
  const int64_t fit = std::max<int64_t>(1, kMaxWorkElements / step);
  pool.run(std::min({num_workers(pool), fit, count}), [&](int64_t worker) {
    for (int64_t i; (i = next++) < count;)
      f(Block{i, begin + i * step, std::min(end, begin + (i + 1) * step)}, worker);
  });
}

// Uniform numbers in [0, 1) of elements [begin, end) of a tensor, for one model; any thread.
using Draws =
    std::function<void(size_t tensor, size_t model, int64_t begin, int64_t end, double* u)>;

}  // namespace amalgam::distill
