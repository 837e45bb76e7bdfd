// Sequence-wise balance loss of one MoE layer (MODEL.md §2.5, as in DeepSeek-V3): per sequence of T
// tokens
//
//   L = Σ_e f_e P_e     f_e = E / (K·T) Σ_t 1[e ∈ E_t]     P_e = mean_t p_te,  p_te = s_te / Σ_e'
//   s_te'
//
// It is 1 when the load or the probabilities are even, and E/K at most. f is a count: it has no
// gradient, so  dL/ds_te = (f_e - Σ_e' f_e' p_te') / (T Σ_e' s_te').
//
// Mistakes it invites: f over the whole batch instead of the sequence
// (BalanceLossTest.EverySequenceAlone), p over the chosen experts only, a gradient through the sum
// in p forgotten (BalanceLossTest.CloseToDoubleAndFiniteDifferences).
#pragma once
#include <cstdint>
#include <span>

#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

struct RowRange {
  int64_t row = 0, num_rows = 0;
};

struct BalanceLoss {
  int64_t num_experts = 0, topk = 0;    // E, K
  std::span<const RowRange> sequences;  // cover all rows, in order
};

// scores [T, E], experts [T, K] as route() gave them -> dscores [T, E] = coefficient · dL/dscores
// (stored). Returns Σ_sequences L.
double balance_loss(ThreadPool& pool, const BalanceLoss& op, const float* scores,
                    const int32_t* experts, float coefficient, float* dscores);

}  // namespace amalgam::kernels
