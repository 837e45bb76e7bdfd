// AdamW (Loshchilov & Hutter), decoupled weight decay; f32, one FMA order:
//   m ← β1 m + (1-β1) g       v ← β2 v + (1-β2) g²        g = grad_scale · grad
//   w ← w (1 - lr λ) - lr · (m / (1-β1^t)) / (sqrt(v / (1-β2^t)) + ε)
#pragma once
#include <cstdint>

namespace amalgam::learner {

struct AdamW {
  double lr = 0, beta1 = 0.9, beta2 = 0.95, eps = 1e-20, weight_decay = 0.1;
  int64_t t = 1;          // this step, from 1
  double grad_scale = 1;  // of clipping
};

struct AdamWTensor {
  const float *w, *grad, *m, *v;    // before the step
  float *w_next, *m_next, *v_next;  // after it; may not overlap any of the above
};

// Elements [0, n).
void adamw_update(const AdamW& settings, const AdamWTensor& tensor, int64_t n);

}  // namespace amalgam::learner
