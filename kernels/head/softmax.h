// The policy of one row of logits: π = softmax(z / T), T the sampling temperature. Whoever needs π
// (sampler, learner, reference, teachers) tempers the row first, here, and then computes with the
// result; so a token's log-probability has one value at any T. A gradient with respect to the
// tempered row becomes one with respect to z by the factor 1/T.
//
// Statistics of a row z [V], tempered or not:
//
//   lse = max z + log Σ_v exp(z_v - max z)        log π(v) = z_v - lse        H = Σ_v π(v)·(lse -
//   z_v)
//
// Bits: a result depends on its row only. Sums run over chunks of 2048 as 16 partial sums in a
// fixed tree, the chunks are added in double in order. Logits of -inf are tokens of probability 0.
//
// Mistakes it invites: z · (1/T), which has other bits (SoftmaxTest.TemperedIsTheQuotient).
#pragma once
#include <cstdint>

#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

// out[v] = z[v] / temperature, one rounding. temperature > 0; 1 copies the bits, and does nothing
// where out == z.
void temper(const float* z, int64_t n, double temperature, float* out);

float log_sum_exp(const float* z, int64_t vocabulary);
// z[token] - log_sum_exp(z).
float log_softmax_at(const float* z, int64_t vocabulary, int64_t token);
// In nats; lse = log_sum_exp(z).
float softmax_entropy(const float* z, int64_t vocabulary, float lse);
// out[v] = scale · exp(z_v - lse); out may be z.
void scaled_softmax(const float* z, int64_t vocabulary, float lse, float scale, float* out);

// z [rows, V] -> lse [rows]
void log_sum_exp_rows(ThreadPool& pool, const float* z, int64_t rows, int64_t vocabulary,
                      float* lse);

}  // namespace amalgam::kernels
