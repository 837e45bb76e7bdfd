// Lightning indexer (MODEL.md §2.4): which compressed entries a token of a CSA layer attends to.
//
//   score(t, s) = Σ_h w_th · relu(q_th · K_s)            h ascending, one FMA chain each
//   top-k by a total order: higher score first, then the smaller index; handed out ascending
//
// Its own loss, over the selected entries S_t (inputs detached, targets p_t detached):
//   L_I = Σ_t KL( p_t ‖ softmax_{s∈S_t} score(t, s) ),  p_t = attention mass of the selected
//   entries, L1-normalised;  dL_I/dscore(t, s) = softmax(s) - p_t(s)
//
// Mistakes it invites: an unstable order of ties (IndexerTest.TiesGoToTheSmallerIndex), softmax
// over all visible entries (IndexerTest.LossIsOverTheSelected).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/device/arena.h"
#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

// Keys are stored in blocks of 16 entries, channel-major inside a block: lanes run across entries.
inline constexpr int64_t kIndexBlock = 16;
inline int64_t index_keys_size(int64_t entries, int64_t channels) {
  return (entries + kIndexBlock - 1) / kIndexBlock * kIndexBlock * channels;
}
inline float* index_key_at(float* keys, int64_t entry, int64_t channels) {
  return keys + (entry / kIndexBlock) * kIndexBlock * channels + entry % kIndexBlock;
}
// Writes key rows [n, c_I] as entries first … first+n-1.
void store_index_keys(const float* rows, int64_t n, int64_t channels, int64_t first, float* keys);

struct IndexerSequence {
  int64_t row = 0, num_rows = 0, position = 0;  // tokens in the batch, position of the first
  const float* keys = nullptr;                  // blocks as above
  int64_t keys_row = 0;                         // training: row of entry 0 in [entries, c_I]
};

// Scores are compared as they are, or rounded (to nearest, ties to even) first.
enum class CompareAs { kF32, kBf16 };

struct IndexerOp {
  int64_t heads = 0, channels = 0;  // n_I, c_I
  int64_t rate = 0, topk = 0;       // m: token at position t may see entries i < (t + 1) / m
  CompareAs compare = CompareAs::kF32;
  // [T, topk] ascending, chosen by an earlier pass: in place of the choice, of tokens whose first
  // is not -1 and that do not see few enough to take all; or null.
  const int32_t* given = nullptr;
  std::span<const IndexerSequence> sequences;
};

// q [T, n_I·c_I], w [T, n_I] (already scaled) -> selected [T, topk] ascending, num_selected [T].
// Rows whose visible entries all fit select them all without looking at q.
// num_agreed [T] or null: how many of the selected entries f32 scores select too.
void index_select(ThreadPool& pool, const IndexerOp& op, const float* q, const float* w,
                  int32_t* selected, int32_t* num_selected, int32_t* num_agreed = nullptr);

// Adds coefficient · L_I's gradients: dq, dw (stored), dkeys [entries, c_I] +=. mass [T, topk] from
// the attention; key rows [entries, c_I]. Returns Σ_t KL (without the coefficient).
double index_loss_backward(ThreadPool& pool, Arena& scratch, const IndexerOp& op, const float* q,
                           const float* w, const float* key_rows, const int32_t* selected,
                           const int32_t* num_selected, const float* mass, float coefficient,
                           float* dq, float* dw, float* dkeys);

}  // namespace amalgam::kernels
