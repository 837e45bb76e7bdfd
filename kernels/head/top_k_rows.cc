// The divergences that look at the teacher's k most likely ids.
#include <algorithm>
#include <limits>

#include "kernels/head/divergence_rows.h"
#include "kernels/head/softmax.h"
#include "kernels/head/top_k.h"
#include "kernels/simd/scalar_math.h"

namespace amalgam::kernels {
namespace {

// NeMo's log-probability of what is not among the k.
constexpr float kZeroLogProb = -100;

// Takes the teacher's k and their logits; returns k.
int64_t take_top_k(const Divergence& divergence, const DivergenceRow& row) {
  const int64_t k = std::min(divergence.k, row.n);
  top_k(row.ze, row.n, k, row.ids);
  for (int64_t j = 0; j < k; ++j)
    row.top_z[j] = row.z[row.ids[j]], row.top_ze[j] = row.ze[row.ids[j]];
  return k;
}

void put(const float* values, const int32_t* ids, int64_t k, float* row) {
  for (int64_t j = 0; j < k; ++j) row[ids[j]] = values[j];
}

// log Σ exp of all but the k, whose logits are `kept`.
float lse_of_others(float* z, int64_t n, const float* kept, const int32_t* ids, int64_t k) {
  for (int64_t j = 0; j < k; ++j) z[ids[j]] = -std::numeric_limits<float>::infinity();
  const float lse = log_sum_exp(z, n);
  put(kept, ids, k, z);
  return lse;
}

}  // namespace

float top_k_row(const Divergence& divergence, const DivergenceRow& row) {
  const int64_t k = take_top_k(divergence, row);
  const auto forward = static_cast<float>(divergence.forward);
  const float lse_teacher = log_sum_exp(row.top_ze, k);
  if (divergence.outside == Outside::kZero) {
    std::fill_n(row.ze, row.n, kZeroLogProb + lse_teacher);
    put(row.top_ze, row.ids, k, row.ze);
    return mixed_kl_row({row.z, row.ze, row.n, row.lse, lse_teacher, row.wants_gradient}, forward);
  }
  const float value = mixed_kl_row(
      {row.top_z, row.top_ze, k, log_sum_exp(row.top_z, k), lse_teacher, row.wants_gradient},
      forward);
  if (row.wants_gradient) {
    std::fill_n(row.ze, row.n, 0.0f);
    put(row.top_ze, row.ids, k, row.ze);
  }
  return value;
}

float top_k_tail_row(const Divergence& divergence, const DivergenceRow& row) {
  const int64_t k = take_top_k(divergence, row);
  const float lse_tail = lse_of_others(row.z, row.n, row.top_z, row.ids, k);
  row.top_z[k] = lse_tail;
  row.top_ze[k] = lse_of_others(row.ze, row.n, row.top_ze, row.ids, k);
  const float value =
      mixed_kl_row({row.top_z, row.top_ze, k + 1, row.lse, row.lse_teacher, row.wants_gradient}, 0);
  if (row.wants_gradient) {
    // The tail's logit is the log-sum-exp of its ids': each has its share of the gradient.
    scaled_softmax(row.z, row.n, lse_tail, row.top_ze[k], row.ze);
    put(row.top_ze, row.ids, k, row.ze);
  }
  return value;
}

float top_k_clamped_row(const Divergence& divergence, const DivergenceRow& row) {
  const int64_t k = take_top_k(divergence, row);
  double sum = 0, mass = 0;
  for (int64_t j = 0; j < k; ++j) {
    const double logp = static_cast<double>(row.top_z[j]) - static_cast<double>(row.lse);
    const double logq = static_cast<double>(row.top_ze[j]) - static_cast<double>(row.lse_teacher);
    // Not std::max, which would make a number of a NaN.
    const double log_p = logp < divergence.log_prob_min ? divergence.log_prob_min : logp;
    const double log_q = logq < divergence.log_prob_min ? divergence.log_prob_min : logq;
    const double q = scalar::exp(log_q);
    sum += q * (log_q - log_p);
    const double weight = logp < divergence.log_prob_min ? 0 : q;  // of -log p in the gradient
    mass += weight;
    row.top_ze[j] = static_cast<float>(weight);
  }
  const bool is_cut = sum < 0 || sum > divergence.max;
  if (row.wants_gradient) {
    if (is_cut) {
      std::fill_n(row.ze, row.n, 0.0f);
    } else {
      scaled_softmax(row.z, row.n, row.lse, static_cast<float>(mass), row.ze);
      for (int64_t j = 0; j < k; ++j) row.ze[row.ids[j]] -= row.top_ze[j];
    }
  }
  return static_cast<float>(is_cut ? (sum < 0 ? 0 : divergence.max) : sum);
}

}  // namespace amalgam::kernels
