// Divergences of two policies in double, from their definitions and from nothing of the kernels.
#pragma once
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/head/divergence.h"

namespace amalgam::kernels {

inline std::vector<size_t> most_likely(const std::vector<double>& logq, size_t k) {
  std::vector<size_t> ids(logq.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::stable_sort(ids.begin(), ids.end(), [&](size_t a, size_t b) { return logq[a] > logq[b]; });
  ids.resize(std::min(k, ids.size()));
  return ids;
}

// Σ a (log a - log b)
inline double kl_of(const std::vector<double>& log_a, const std::vector<double>& log_b) {
  double kl = 0;
  for (size_t v = 0; v < log_a.size(); ++v)
    if (log_a[v] > -700) kl += std::exp(log_a[v]) * (log_a[v] - log_b[v]);
  return kl;
}

inline std::vector<double> normalised(std::vector<double> log_a) {
  double sum = 0;
  for (const double x : log_a) sum += std::exp(x);
  for (double& x : log_a) x -= std::log(sum);
  return log_a;
}

inline double divergence_in_double(const Divergence& d, const std::vector<double>& logp,
                                   const std::vector<double>& logq) {
  if (d.kind == DivergenceKind::kReverse) return kl_of(logp, logq);
  if (d.kind == DivergenceKind::kForward) return kl_of(logq, logp);
  if (d.kind == DivergenceKind::kJsd) {
    std::vector<double> logm;
    for (size_t v = 0; v < logp.size(); ++v)
      logm.push_back(std::log((1 - d.beta) * std::exp(logp[v]) + d.beta * std::exp(logq[v])));
    return d.beta * kl_of(logq, logm) + (1 - d.beta) * kl_of(logp, logm);
  }
  const std::vector<size_t> ids = most_likely(logq, static_cast<size_t>(d.k));
  std::vector<double> p, q;
  for (const size_t v : ids) p.push_back(logp[v]), q.push_back(logq[v]);
  if (d.kind == DivergenceKind::kTopKClamped) {
    double sum = 0;
    for (size_t j = 0; j < ids.size(); ++j) {
      const double a = std::max(q[j], d.log_prob_min), b = std::max(p[j], d.log_prob_min);
      sum += std::exp(a) * (a - b);
    }
    return std::clamp(sum, 0.0, d.max);
  }
  if (d.kind == DivergenceKind::kTopKTail) {
    double rest_p = 0, rest_q = 0;
    for (size_t v = 0; v < logp.size(); ++v)
      if (std::find(ids.begin(), ids.end(), v) == ids.end())
        rest_p += std::exp(logp[v]), rest_q += std::exp(logq[v]);
    p.push_back(std::log(rest_p)), q.push_back(std::log(rest_q));
    return kl_of(p, q);
  }
  if (d.outside == Outside::kRenormalised) {
    p = normalised(p), q = normalised(q);
  } else {
    std::vector<double> all(logp.size(), -100);
    q = normalised(q);
    for (size_t j = 0; j < ids.size(); ++j) all[ids[j]] = q[j];
    p = logp, q = all;
  }
  return d.forward * kl_of(q, p) + (1 - d.forward) * kl_of(p, q);
}

}  // namespace amalgam::kernels
