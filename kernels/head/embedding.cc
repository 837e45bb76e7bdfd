#include "kernels/head/embedding.h"

#include <cstring>

namespace amalgam::kernels {

void embed(ThreadPool& pool, const Embedding& op, const float* table, float* X) {
  const int64_t D = op.hidden;
  pool.ranges(op.tokens, 64, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t j = 0; j < op.streams; ++j)
        std::memcpy(X + (t * op.streams + j) * D, table + op.ids[t] * D,
                    static_cast<size_t>(D) * sizeof(float));
  });
}

void embed_backward(ThreadPool& pool, const Embedding& op, const float* dX, float* dtable) {
  const int64_t D = op.hidden;
  // Threads share the work by channels: every element sums its tokens in order.
  pool.ranges(D, 32, [&](int64_t begin, int64_t end) {
    for (int64_t t = 0; t < op.tokens; ++t) {
      float* out = dtable + op.ids[t] * D;
      for (int64_t j = 0; j < op.streams; ++j) {
        const float* g = dX + (t * op.streams + j) * D;
        for (int64_t c = begin; c < end; ++c) out[c] += g[c];
      }
    }
  });
}

}  // namespace amalgam::kernels
