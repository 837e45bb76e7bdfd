// Multi-query attention with one shared key = value head, a learned sink per head, a sliding window
// and compressed entries (MODEL.md §2.2):
//
//   s_hj = q_h · k_j · C^-1/2 over the window entries, then the visible compressed entries, both by
//          ascending position;   p_hj = exp(s_hj) / (Σ_j exp(s_hj) + exp(sink_h));   o_h = Σ_j p_hj
//          k_j
//
// Bits: per (token, head), scores are one FMA chain over channels, the softmax sum and the value
// sum one chain each over the keys in that order. Keys that a token does not see contribute exact
// zeros, so tiling tokens together changes no bit.
//
// Mistakes it invites: a maximum without the sink (AttentionTest.SinkAboveAllScores), window off by
// one (AttentionTest.WindowEdges), keys leaking between sequences (golden case `packed`).
#pragma once
#include <cstdint>
#include <span>

#include "kernels/attention/key_rows.h"
#include "kernels/device/arena.h"
#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

struct AttentionSequence {
  int64_t row = 0, num_rows = 0;   // its tokens in the batch of queries
  int64_t position = 0;            // of the first of them
  KeyRows window;                  // [.., C]
  const float* entries = nullptr;  // compressed entries [.., C], entry i of this sequence at row i
  int64_t entries_row = 0;         // training: row of entry 0 in the gradient of the entries
};

struct AttentionOp {
  int64_t heads = 0, head_dim = 0;  // H, C
  int64_t window = 0;               // w
  int64_t compress_rate = 0;        // m; 0 = sliding window only. Token at position t sees entries
                                    // i < (t + 1) / m, or only the selected ones:
  const int32_t* selected = nullptr;  // [T, topk] ascending entry numbers, or null = all visible
  const int32_t* num_selected = nullptr;  // [T]
  int64_t topk = 0;
  const float* sink = nullptr;  // [H]
  std::span<const AttentionSequence> sequences;
};

// q [T, H·C] -> o [T, H·C]. stats [T, H, 2] (maximum, denominator) may be null when no backward
// follows. mass [T, topk], if not null (needs `selected`): Σ_h p_hj of each selected entry.
void attention(ThreadPool& pool, const AttentionOp& op, const float* q, float* o, float* stats,
               float* mass);

// dq stored, dkv [T, C] += , dentries +=, dsink [H] +=. Training only (no ring).
void attention_backward(ThreadPool& pool, Arena& scratch, const AttentionOp& op, const float* q,
                        const float* stats, const float* d_o, float* dq, float* dkv,
                        float* dentries, float* dsink);

}  // namespace amalgam::kernels
