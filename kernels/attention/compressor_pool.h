// Pooling of the compressors (MODEL.md §2.3). Entry i of a sequence, per channel:
//
//   HCA (no overlap):  S = softmax over rows j = m·i … m·i+m-1 of (gate_j + ape_{j mod m})
//                      C_i = Σ_j S_j ⊙ kv_j                                        width = c
//   CSA (overlap):     softmax over 2m rows: window i-1 with the FIRST c channels, then window i
//   with
//                      the LAST c channels (window -1 does not exist)              width = 2c
//
// Mistakes it invites: halves swapped (CompressorPoolTest.OverlapReadsFirstHalfOfPreviousWindow),
// ape indexed by the row in the 2m list instead of j mod m (CompressorPoolTest.HandCase).
#pragma once
#include <cstdint>
#include <span>

#include "kernels/attention/key_rows.h"
#include "kernels/device/arena.h"
#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

struct PoolSequence {
  KeyRows kv, gate;  // [.., width]
  int64_t first_entry = 0, num_entries = 0;
  int64_t out_row = 0;  // row of first_entry in the output
  int64_t row = 0;      // training: batch row of position 0, for the gradients
};

struct PoolOp {
  int64_t rate = 0;      // m
  int64_t channels = 0;  // c
  bool overlap = false;
  const float* ape = nullptr;  // [m, width]
  std::span<const PoolSequence> sequences;

  int64_t width() const { return overlap ? 2 * channels : channels; }
};

// out [Σ num_entries, c]
void compressor_pool(ThreadPool& pool, const PoolOp& op, float* out);
// dkv, dgate [T, width] +=, dape [m, width] +=. Training only (no ring, first_entry = 0).
void compressor_pool_backward(ThreadPool& pool, Arena& scratch, const PoolOp& op, const float* dout,
                              float* dkv, float* dgate, float* dape);

}  // namespace amalgam::kernels
