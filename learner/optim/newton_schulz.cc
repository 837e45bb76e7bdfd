#include "learner/optim/newton_schulz.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "configs/check.h"
#include "kernels/gemm/gemm.h"
#include "learner/optim/elementwise.h"
#include "learner/optim/sum_of_squares.h"

namespace amalgam::learner {
namespace {

using kernels::BLayout;
using kernels::Buffer;
using kernels::gemm;

// to [cols, rows] = fromᵀ, in tiles that stay in cache.
void transpose(const float* from, int64_t rows, int64_t cols, float* to) {
  constexpr int64_t kTile = 32;
  for (int64_t r0 = 0; r0 < rows; r0 += kTile)
    for (int64_t c0 = 0; c0 < cols; c0 += kTile)
      for (int64_t c = c0; c < std::min(cols, c0 + kTile); ++c)
        for (int64_t r = r0; r < std::min(rows, r0 + kTile); ++r)
          to[c * rows + r] = from[r * cols + c];
}

// y = (a I + b A + c A²) x with A = x xᵀ; x, y [n, k], gram and poly [n, n].
void iterate(kernels::ThreadPool& pool, int64_t n, int64_t k, float a, float b, float c,
             const float* x, float* gram, float* poly, float* y) {
  gemm(pool, {.m = n,
              .n = n,
              .k = k,
              .a = x,
              .a_row_stride = k,
              .b = x,
              .layout = BLayout::kTransposed,
              .ldb = k,
              .c = gram,
              .ldc = n});
  gemm(pool, {.m = n,
              .n = n,
              .k = n,
              .a = gram,
              .a_row_stride = n,
              .b = gram,
              .layout = BLayout::kRowMajor,
              .ldb = n,
              .c = poly,
              .ldc = n});
  for_each_element(n * n, [=](int64_t i) { poly[i] = std::fma(c, poly[i], b * gram[i]); });
  for (int64_t i = 0; i < n; ++i) poly[i * n + i] += a;
  gemm(pool, {.m = n,
              .n = k,
              .k = n,
              .a = poly,
              .a_row_stride = n,
              .b = x,
              .layout = BLayout::kRowMajor,
              .ldb = k,
              .c = y,
              .ldc = k});
}

}  // namespace

void NewtonSchulzScratch::reserve(int64_t rows, int64_t cols) {
  const auto size = static_cast<size_t>(rows * cols);
  const auto square = static_cast<size_t>(std::min(rows, cols) * std::min(rows, cols));
  for (Buffer<float>* b : {&x, &y})
    if (b->size() < size) b->resize(size);
  for (Buffer<float>* b : {&gram, &poly})
    if (b->size() < square) b->resize(square);
}

void newton_schulz(kernels::ThreadPool& pool, int64_t rows, int64_t cols,
                   NewtonSchulzScratch& scratch) {
  const int64_t size = rows * cols;
  CHECK_LE(static_cast<size_t>(size), scratch.x.size());
  float *x = scratch.x.data(), *y = scratch.y.data();
  const double norm = std::sqrt(sum_of_squares(x, size));
  if (norm == 0) return;
  const bool is_tall = rows > cols;
  if (is_tall) {
    transpose(x, rows, cols, y);
    std::swap(x, y);
  }
  const auto inverse = static_cast<float>(1 / norm);
  for_each_element(size, [=](int64_t i) { x[i] *= inverse; });
  const int64_t n = std::min(rows, cols), k = std::max(rows, cols);
  for (int i = 0; i < 10; ++i) {
    if (i < 8)
      iterate(pool, n, k, 3.4445f, -4.7750f, 2.0315f, x, scratch.gram.data(), scratch.poly.data(),
              y);
    else
      iterate(pool, n, k, 2.0f, -1.5f, 0.5f, x, scratch.gram.data(), scratch.poly.data(), y);
    std::swap(x, y);
  }
  if (is_tall) {
    transpose(x, cols, rows, y);
    std::swap(x, y);
  }
  if (x != scratch.x.data()) std::swap(scratch.x, scratch.y);
}

}  // namespace amalgam::learner
