// X[t, j] = embed[ids[t]] for every residual stream j (MODEL.md §2); backward sums streams and
// occurrences, tokens in ascending order.
#pragma once
#include <cstdint>

#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

struct Embedding {
  int64_t tokens = 0, streams = 1, hidden = 0;
  const int32_t* ids = nullptr;  // [T], each < V (checked at the border)
};

// table [V, D] -> X [T, streams·D]
void embed(ThreadPool& pool, const Embedding& op, const float* table, float* X);
// dtable [V, D] +=
void embed_backward(ThreadPool& pool, const Embedding& op, const float* dX, float* dtable);

}  // namespace amalgam::kernels
