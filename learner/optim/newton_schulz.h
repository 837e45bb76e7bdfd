// Newton–Schulz orthogonalisation of Muon (MODEL.md §4):
//   X = G / ‖G‖_F, transposed so that rows ≤ cols
//   8 × (a, b, c) = (3.4445, -4.7750, 2.0315), then 2 × (2, -1.5, 0.5):
//     A = X Xᵀ;  X ← a X + (b A + c A²) X   computed as (a I + b A + c A²) X
// The result has the singular vectors of G and singular values near 1. G = 0 gives 0.
#pragma once
#include <cstdint>

#include "kernels/device/arena.h"
#include "kernels/device/thread_pool.h"

namespace amalgam::learner {

// `x` holds the matrix; the rest is working memory. One owner at a time.
struct NewtonSchulzScratch {
  void reserve(int64_t rows, int64_t cols);
  kernels::Buffer<float> x, y;        // [rows, cols]
  kernels::Buffer<float> gram, poly;  // [min, min]
};

// scratch.x [rows, cols] row-major is replaced by its orthogonalisation, in the same orientation.
void newton_schulz(kernels::ThreadPool& pool, int64_t rows, int64_t cols,
                   NewtonSchulzScratch& scratch);

}  // namespace amalgam::learner
