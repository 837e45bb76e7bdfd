// X[t, j] += y[t] for every residual stream j: how the next token's embedding joins the streams of
// the MTP block (MODEL.md §2.6). Backward: dy[t] += Σ_j dX[t, j], j ascending; dX stays as it is.
// y and X may not alias.
#pragma once
#include <cstdint>

#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

struct StreamAdd {
  int64_t tokens = 0, streams = 1, hidden = 0;
};

// y [T, D], X [T, streams·D] +=
void stream_add(ThreadPool& pool, const StreamAdd& op, const float* y, float* X);
// dX [T, streams·D], dy [T, D] +=
void stream_add_backward(ThreadPool& pool, const StreamAdd& op, const float* dX, float* dy);

}  // namespace amalgam::kernels
