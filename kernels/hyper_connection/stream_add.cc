#include "kernels/hyper_connection/stream_add.h"

namespace amalgam::kernels {
namespace {

constexpr int64_t kGrain = 16;  // tokens

}  // namespace

void stream_add(ThreadPool& pool, const StreamAdd& op, const float* y, float* X) {
  const int64_t D = op.hidden;
  pool.ranges(op.tokens, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t j = 0; j < op.streams; ++j) {
        float* out = X + (t * op.streams + j) * D;
        for (int64_t c = 0; c < D; ++c) out[c] += y[t * D + c];
      }
  });
}

void stream_add_backward(ThreadPool& pool, const StreamAdd& op, const float* dX, float* dy) {
  const int64_t D = op.hidden;
  pool.ranges(op.tokens, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t j = 0; j < op.streams; ++j) {
        const float* g = dX + (t * op.streams + j) * D;
        for (int64_t c = 0; c < D; ++c) dy[t * D + c] += g[c];
      }
  });
}

}  // namespace amalgam::kernels
