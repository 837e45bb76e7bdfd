// Softmax statistics of one row of logits z [V]:
//
//   lse = max z + log Σ_v exp(z_v - max z)        log π(v) = z_v - lse        H = Σ_v π(v)·(lse -
//   z_v)
//
// Bits: a result depends on its row only. Sums run over chunks of 2048 as 16 partial sums in a
// fixed tree, the chunks are added in double in order. The sampler and the learner both call these,
// so a token's log-probability has one value. Logits of -inf are tokens of probability 0.
#pragma once
#include <cstdint>

#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

float log_sum_exp(const float* z, int64_t vocabulary);
// z[token] - log_sum_exp(z).
float log_softmax_at(const float* z, int64_t vocabulary, int64_t token);
// In nats; lse = log_sum_exp(z).
float softmax_entropy(const float* z, int64_t vocabulary, float lse);

// z [rows, V] -> lse [rows]
void log_sum_exp_rows(ThreadPool& pool, const float* z, int64_t rows, int64_t vocabulary,
                      float* lse);

}  // namespace amalgam::kernels
