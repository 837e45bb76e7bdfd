// Manifold-constrained hyper-connections (MODEL.md §2.1). n = n_hc residual streams, M = (2 + n)·n.
//
//   raw   = X_flat · fnᵀ                       [T, M]   (a GEMM, done by the caller)
//   mixes = raw · rsqrt(mean(X_flat²) + eps)
//   pre_j = sigmoid(mixes[j]·scale0 + base[j]) + hc_eps
//   post_j = 2·sigmoid(mixes[n+j]·scale1 + base[n+j])
//   comb  = sinkhorn(mixes[2n + j·n + k]·scale2 + base[2n + j·n + k])
//   x     = Σ_j pre_j X_j                      hc_pre
//   X'_k  = post_k·y + Σ_j comb_jk X_j         hc_post (sum over the FIRST index of comb)
//   head: raw [T, n] with its own fn, base, scale [1]; h = Σ_j pre_j X_j
//
// Mistakes it invites: summing over the second index of comb
// (HyperConnectionTest.PostUsesFirstIndex), rows normalised last
// (HyperConnectionTest.CombIsDoublyStochastic), a gradient that stops at the last normalisation
// (HyperConnectionTest.FiniteDifferences).
#pragma once
#include <cstdint>

#include "kernels/device/arena.h"
#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

inline constexpr int64_t kMaxStreams = 8;

struct HyperConnection {
  int64_t tokens = 0;   // T
  int64_t streams = 0;  // n ≤ kMaxStreams
  int64_t hidden = 0;   // D
  int64_t sinkhorn_iters = 20;
  float hc_eps = 1e-6f, norm_eps = 1e-6f;
  const float* base = nullptr;   // [M], head: [n]
  const float* scale = nullptr;  // [3], head: [1]
};

// X [T, n·D], raw [T, M] -> x [T, D], post [T, n], comb [T, n·n].
void hc_pre(ThreadPool& pool, const HyperConnection& op, const float* X, const float* raw, float* x,
            float* post, float* comb);
// Given dx, dpost, dcomb: dX += (all but the path through raw · fnᵀ), draw [T, M] = (stored),
// dbase [M] +=, dscale [3] +=.
void hc_pre_backward(ThreadPool& pool, Arena& scratch, const HyperConnection& op, const float* X,
                     const float* raw, const float* dx, const float* dpost, const float* dcomb,
                     float* dX, float* draw, float* dbase, float* dscale);

// y [T, D] -> out [T, n·D]
void hc_post(ThreadPool& pool, const HyperConnection& op, const float* y, const float* X,
             const float* post, const float* comb, float* out);
// dy [T, D] +=, dX +=, dpost, dcomb stored.
void hc_post_backward(ThreadPool& pool, const HyperConnection& op, const float* y, const float* X,
                      const float* post, const float* comb, const float* dout, float* dy, float* dX,
                      float* dpost, float* dcomb);

void hc_head(ThreadPool& pool, const HyperConnection& op, const float* X, const float* raw,
             float* h);
void hc_head_backward(ThreadPool& pool, Arena& scratch, const HyperConnection& op, const float* X,
                      const float* raw, const float* dh, float* dX, float* draw, float* dbase,
                      float* dscale);

}  // namespace amalgam::kernels
