#include "kernels/head/head_tiles.h"

#include <cstring>

#include "configs/check.h"
#include "kernels/gemm/gemm.h"
#include "kernels/head/softmax.h"

namespace amalgam::kernels {

int64_t head_tile_rows(int64_t vocabulary, int64_t buffers) {
  constexpr int64_t kMemoryBytes = int64_t{128} << 20, kCacheBytes = int64_t{8} << 20;
  constexpr int64_t kHighEnough = 192, kMost = 2048, kMultiple = 6;  // of a register tile's rows
  const int64_t row_bytes = vocabulary * buffers * static_cast<int64_t>(sizeof(float));
  int64_t rows = std::max(kHighEnough, kCacheBytes / row_bytes);
  rows = std::min({rows, kMemoryBytes / row_bytes, kMost});
  return rows < kMultiple ? std::max<int64_t>(rows, 1) : rows / kMultiple * kMultiple;
}

void gather_tokens(const float* x, std::span<const int32_t> tokens, int64_t dim, float* rows) {
  for (const int32_t t : tokens) {
    std::memcpy(rows, x + t * dim, static_cast<size_t>(dim) * sizeof(float));
    rows += dim;
  }
}

void scatter_tokens(const float* rows, std::span<const int32_t> tokens, int64_t dim, float* x) {
  for (const int32_t t : tokens) {
    std::memcpy(x + t * dim, rows, static_cast<size_t>(dim) * sizeof(float));
    rows += dim;
  }
}

void head_logits(ThreadPool& pool, const Head& head, double temperature, const float* rows,
                 int64_t n, float* z) {
  const int64_t V = head.vocabulary, tile = head.stream ? head.stream->tile_rows() : V;
  for (int64_t v = 0; v < V && n > 0; v += tile) {
    const int64_t end = std::min(v + tile, V);
    gemm(pool, Gemm{.m = n,
                    .n = end - v,
                    .k = head.dim,
                    .a = rows,
                    .a_row_stride = head.dim,
                    .b = head.stream ? head.stream->rows(pool, v, end) : head.weight,
                    .layout = BLayout::kTransposed,
                    .ldb = head.dim,
                    .c = z + v,
                    .ldc = V});
  }
  if (temperature == 1) return;
  pool.run(n, [&](int64_t r) {
    float* row = z + r * head.vocabulary;
    temper(row, head.vocabulary, temperature, row);
  });
}

void head_backward(ThreadPool& pool, Arena& arena, const Head& head, const float* rows,
                   std::span<const int32_t> tokens, const float* g, const HeadGradients& grads) {
  CHECK(head.weight != nullptr);
  const Arena::Mark mark = arena.mark();
  const auto n = static_cast<int64_t>(tokens.size());
  if (grads.hidden) {
    float* d_rows = arena.alloc<float>(static_cast<size_t>(n * head.dim));
    gather_tokens(grads.hidden, tokens, head.dim, d_rows);
    gemm(pool, Gemm{.m = n,
                    .n = head.dim,
                    .k = head.vocabulary,
                    .a = g,
                    .a_row_stride = head.vocabulary,
                    .b = head.weight,
                    .layout = BLayout::kRowMajor,
                    .ldb = head.dim,
                    .c = d_rows,
                    .ldc = head.dim,
                    .write = Write::kAccumulate});
    scatter_tokens(d_rows, tokens, head.dim, grads.hidden);
  }
  if (grads.weight) {
    gemm(pool, Gemm{.m = head.vocabulary,
                    .n = head.dim,
                    .k = n,
                    .a = g,
                    .a_row_stride = 1,
                    .a_col_stride = head.vocabulary,
                    .b = rows,
                    .layout = BLayout::kRowMajor,
                    .ldb = head.dim,
                    .c = grads.weight,
                    .ldc = head.dim,
                    .write = Write::kAccumulate});
  }
  arena.reset(mark);
}

}  // namespace amalgam::kernels
