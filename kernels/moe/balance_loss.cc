#include "kernels/moe/balance_loss.h"

#include <algorithm>
#include <vector>

namespace amalgam::kernels {
namespace {

float sum_of(const float* x, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i];
  return sum;
}

double sequence_loss(const BalanceLoss& op, int64_t T, const float* scores, const int32_t* experts,
                     float coefficient, float* dscores) {
  const int64_t E = op.num_experts;
  thread_local std::vector<float> f;
  thread_local std::vector<double> p;  // Σ_t p_te
  f.assign(static_cast<size_t>(E), 0.0f);
  p.assign(static_cast<size_t>(E), 0.0);
  for (int64_t i = 0; i < T * op.topk; ++i) f[static_cast<size_t>(experts[i])] += 1;
  const float scale = static_cast<float>(E) / static_cast<float>(op.topk * T);
  for (float& x : f) x *= scale;
  for (int64_t t = 0; t < T; ++t) {
    const float* s = scores + t * E;
    float* ds = dscores + t * E;
    const float sum = sum_of(s, E);
    if (!(sum > 0)) {  // every score underflowed: no probabilities, no gradient
      std::fill(ds, ds + E, 0.0f);
      continue;
    }
    float dot = 0;
    for (int64_t e = 0; e < E; ++e) {
      const float q = s[e] / sum;
      p[static_cast<size_t>(e)] += static_cast<double>(q);
      dot += f[static_cast<size_t>(e)] * q;
    }
    const float c = coefficient / (static_cast<float>(T) * sum);
    for (int64_t e = 0; e < E; ++e) ds[e] = c * (f[static_cast<size_t>(e)] - dot);
  }
  double loss = 0;
  for (size_t e = 0; e < f.size(); ++e) loss += static_cast<double>(f[e]) * p[e];
  return loss / static_cast<double>(T);
}

}  // namespace

double balance_loss(ThreadPool& pool, const BalanceLoss& op, const float* scores,
                    const int32_t* experts, float coefficient, float* dscores) {
  std::vector<double> losses(op.sequences.size());
  pool.run(static_cast<int64_t>(losses.size()), [&](int64_t i) {
    const RowRange& r = op.sequences[static_cast<size_t>(i)];
    if (r.num_rows == 0) return;
    losses[static_cast<size_t>(i)] =
        sequence_loss(op, r.num_rows, scores + r.row * op.num_experts, experts + r.row * op.topk,
                      coefficient, dscores + r.row * op.num_experts);
  });
  double total = 0;
  for (const double l : losses) total += l;
  return total;
}

}  // namespace amalgam::kernels
