// Expert choice of DeepSeekMoE (MODEL.md §2.5):
//
//   s = sqrt(softplus(logits))                                            [T, E]
//   learned layers: the k largest of s + bias, ties to the smaller expert id; the bias never enters
//   the weights.  hash layers: tid2eid[token id].  Or given: chosen by an earlier pass
//   g_e = scaling · s_e / Σ_{e'∈E_t} s_e'        experts and weights are handed out by ascending id
//
// Mistakes it invites: weights from s + bias (RouterTest.BiasOnlySelects), ties to the larger id
// (RouterTest.TiesGoToTheSmallerExpert).
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

struct Router {
  int64_t tokens = 0, num_experts = 0, topk = 0;  // T, E, K
  float scaling = 1;
  const float* bias = nullptr;       // [E], learned layers
  const int32_t* tid2eid = nullptr;  // [V, K], hash layers
  const int32_t* ids = nullptr;      // [T], hash layers
  // [T, K] in place of the choice, of tokens whose first is not -1; or null.
  const int32_t* given = nullptr;
};

// logits [T, E] -> scores [T, E], experts [T, K] ascending, weights [T, K].
void route(ThreadPool& pool, const Router& op, const float* logits, float* scores, int32_t* experts,
           float* weights);
// dweights [T, K] -> dlogits [T, E] (stored). dscores [T, E], unless null: the gradient that the
// scores have from elsewhere (kernels/moe/balance_loss.h).
void route_backward(ThreadPool& pool, const Router& op, const float* logits, const float* scores,
                    const int32_t* experts, const float* dweights, const float* dscores,
                    float* dlogits);

// Where each (token, k) goes when rows are sorted by expert, then token.
struct Dispatch {
  const int32_t* begin = nullptr;     // [E + 1] first row of each expert
  const int32_t* row_of = nullptr;    // [T, K] row of a token's k-th expert
  const int32_t* token_of = nullptr;  // [T·K] token of a row
};
// Fills the three arrays (sized as above) from experts [T, K].
void plan_dispatch(const int32_t* experts, int64_t tokens, int64_t topk, int64_t num_experts,
                   int32_t* begin, int32_t* row_of, int32_t* token_of);

// out[r] = x[token_of[r]]; x [T, D], out [rows, D]
void gather_rows(ThreadPool& pool, const float* x, const int32_t* token_of, int64_t rows, int64_t D,
                 float* out);
// y[t] = Σ_k ascending in[row_of[t, k]] + shared[t] (shared may be null); accumulates when asked.
void combine_rows(ThreadPool& pool, const float* in, const int32_t* row_of, int64_t tokens,
                  int64_t topk, int64_t D, const float* shared, bool accumulate, float* y);

}  // namespace amalgam::kernels
