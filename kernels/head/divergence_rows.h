// The rows behind divergence_row(). All but the reverse KL leave dD/dz in ze, without w and c;
// those that have several teachers are then added up.
#pragma once
#include "kernels/head/divergence.h"

namespace amalgam::kernels {

// Complete in itself: one pass, p = softmax z once for all teachers.
float reverse_kl_row(const DivergenceRow& row);

// Two policies over n classes, and what their logits' log-sum-exps are. ze becomes the gradient.
struct TwoPolicies {
  const float* z;
  float* ze;
  int64_t n;
  float lse, lse_teacher;
  bool wants_gradient;
};
// forward · Σ q (log q - log p) + (1 - forward) · Σ p (log p - log q)
float mixed_kl_row(const TwoPolicies& row, float forward);
float jsd_row(const TwoPolicies& row, double beta);

float top_k_row(const Divergence& divergence, const DivergenceRow& row);
float top_k_tail_row(const Divergence& divergence, const DivergenceRow& row);
float top_k_clamped_row(const Divergence& divergence, const DivergenceRow& row);

}  // namespace amalgam::kernels
