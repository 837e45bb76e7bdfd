// Normalised Walsh–Hadamard transform of rows, in place (MODEL.md §2.4):
//   y_i = n^-1/2 Σ_j (-1)^popcount(i & j) x_j            n = channels, a power of two
// Symmetric and its own inverse; so it is its own backward pass too.
#pragma once
#include <cstdint>

#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

// x [rows, channels]
void hadamard(ThreadPool& pool, float* x, int64_t rows, int64_t channels);

}  // namespace amalgam::kernels
