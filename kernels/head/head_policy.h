// Log-probabilities of given tokens under a vocabulary head, and their gradients:
//
//   z = h Wᵀ / T,  π = softmax z,  logprob_t = z[target_t] - lse_t,  H_t = entropy of π_t
//   dL/dz[t, v] = c_t · (1[v = target_t] - π_t(v)),   c_t = dL/dlogprob_t
//   g[t, v] = dL/d(h Wᵀ)[t, v] = (c_t / T) · (1[v = target_t] - π_t(v))
//
// T is the temperature at which the tokens were sampled; supervised losses have T = 1, which is
// also the same bits and work as without it.
//
// Two passes for objectives whose c needs all log-probabilities first (policy gradients), one pass
// where c is known up front (supervised fine-tuning). Logits exist for one tile of tokens at a
// time.
//
// A token with target < 0 is left out: its outputs are 0 and it adds no gradient; a token with c =
// 0 adds none and costs nothing in the backward pass. Per-token bits depend on the token's row and
// W only; a log-probability is log_softmax_at of temper (kernels/head/softmax.h) of gemm's
// logits, the sampler's own.
//
// Mistakes it invites: a gradient of the wrong sign or without 1/T
// (HeadPolicyTest.FiniteDifferences), results that move with the tile
// (HeadPolicyTest.TileAndThreadsDoNotChangeBits).
#pragma once
#include <cstdint>

#include "kernels/head/head_tiles.h"

namespace amalgam::kernels {

struct HeadPolicy {
  Head head;
  const float* hidden = nullptr;     // [T, D], after the final norm
  const int32_t* targets = nullptr;  // [T], < 0: left out
  int64_t tokens = 0;                // T
  int64_t tile_rows = 0;             // tokens per tile; 0: head_tile_rows
  double temperature = 1;            // of π
};

struct HeadLogprobs {
  float* logprob = nullptr;  // [T]
  float* lse = nullptr;      // [T]
  float* entropy = nullptr;  // [T] in nats, or null: not computed
};

// Scratch comes from the arena and is given back.
void head_logprobs(ThreadPool& pool, Arena& arena, const HeadPolicy& op, const HeadLogprobs& out);

// lse [T] from head_logprobs with the same weights and temperature; c [T].
void head_policy_backward(ThreadPool& pool, Arena& arena, const HeadPolicy& op, const float* lse,
                          const float* c, const HeadGradients& grads);

// Both passes in one (three matrix products instead of four): L = -Σ_t weight_t · logprob_t.
void head_cross_entropy(ThreadPool& pool, Arena& arena, const HeadPolicy& op, const float* weight,
                        const HeadLogprobs& out, const HeadGradients& grads);

}  // namespace amalgam::kernels
