// Muon (MODEL.md §4) for one matrix [n, m]:
//   M ← μ M + G;  O = NS(μ M + G);  W ← W (1 - η λ) - η · O · sqrt(max(n, m)) · 0.18
// 0.18 sqrt(max(n, m)) makes the update's root mean square that of AdamW, so both share a rate.
#pragma once
#include <cstdint>

#include "kernels/device/thread_pool.h"
#include "learner/optim/newton_schulz.h"

namespace amalgam::learner {

struct Muon {
  double lr = 0, momentum = 0.95, weight_decay = 0.1;
  double grad_scale = 1;  // of clipping
};

struct MuonTensor {
  int64_t rows, cols;
  const float *w, *grad, *momentum;  // before the step
  float *w_next, *momentum_next;     // after it; may not overlap any of the above
};

// `scratch` must have room for the shape. `pool` only runs the matrix products.
void muon_update(kernels::ThreadPool& pool, const Muon& settings, const MuonTensor& tensor,
                 NewtonSchulzScratch& scratch);

}  // namespace amalgam::learner
