// y = rope( x · rsqrt(mean(x²) + eps) ⊙ w )          per row, w and rope optional (MODEL.md §2.2)
//
// One op serves all norms of the model: with weight (block, q_norm, kv_norm, compressed entries),
// without (queries per head), with the rotation that follows it.
//
// Mistakes it invites: eps outside the mean (RmsNormTest.HandCase), a weight gradient whose order
// depends on threads (RmsNormTest.SameBitsOnAnyNumberOfThreads).
#pragma once
#include <cstdint>

#include "kernels/attention/rope.h"
#include "kernels/device/arena.h"
#include "kernels/device/cuda.h"
#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

struct RmsNorm {
  int64_t rows = 0, cols = 0;
  float eps = 1e-6f;
  const float* weight = nullptr;    // [cols] or null
  const RopeTable* rope = nullptr;  // or null
  const int32_t* positions = nullptr;
  int64_t rows_per_position = 1;  // row r stands at positions[r / rows_per_position]
};

// x, y [rows, cols]; y may be x.
void rms_norm(ThreadPool& pool, const RmsNorm& op, const float* x, float* y);
// dx [rows, cols] += , dweight [cols] += (null without weight). dy is read only; dx must not be dy.
void rms_norm_backward(ThreadPool& pool, Arena& scratch, const RmsNorm& op, const float* x,
                       const float* dy, float* dx, float* dweight);

// Forward on a GPU, x, y and weight device memory; only where kHasCuda. The bits of the CPU. The
// rotation is not fused there: op.rope must be null.
void rms_norm_cuda(const RmsNorm& op, const float* x, float* y, CudaStream stream);

}  // namespace amalgam::kernels
