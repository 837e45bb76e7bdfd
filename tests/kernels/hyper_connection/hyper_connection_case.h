// The formulas of kernels/hyper_connection/hyper_connection.h in double, and random cases for its
// tests.
#pragma once
#include <cmath>
#include <vector>

#include "kernels/hyper_connection/hyper_connection.h"
#include "tests/kernels/kernel_case.h"

namespace amalgam::kernels {

using Doubles = std::vector<double>;

struct HcOutputs {
  Doubles x, post, comb;
};

inline double hc_sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

// comb [n, n] of one token from its mixes.
inline void hc_sinkhorn(const HyperConnection& op, double* c) {
  const int64_t n = op.streams;
  const double eps = static_cast<double>(op.hc_eps);
  const auto normalize = [&](int64_t step, int64_t other, double offset) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = offset;
      for (int64_t k = 0; k < n; ++k) sum += c[j * step + k * other];
      for (int64_t k = 0; k < n; ++k) c[j * step + k * other] /= sum;
    }
  };
  for (int64_t i = 0; i < n * n; ++i) c[i] = std::exp(c[i]);
  normalize(n, 1, 0);
  for (int64_t i = 0; i < n * n; ++i) c[i] += eps;
  normalize(1, n, eps);
  for (int64_t it = 1; it < op.sinkhorn_iters; ++it) normalize(n, 1, eps), normalize(1, n, eps);
}

// raw [T, M] or, for the head, [T, n]; base and scale likewise.
inline HcOutputs hc_oracle(const HyperConnection& op, bool head, const Doubles& X,
                           const Doubles& raw, const Doubles& base, const Doubles& scale) {
  const int64_t n = op.streams, D = op.hidden, M = head ? n : (2 + n) * n;
  HcOutputs out{Doubles(op.tokens * D), {}, {}};
  Doubles mix(M);
  for (int64_t t = 0; t < op.tokens; ++t) {
    const double* Xt = X.data() + t * n * D;
    double mean = 0;
    for (int64_t i = 0; i < n * D; ++i) mean += Xt[i] * Xt[i] / static_cast<double>(n * D);
    const double inverse = 1 / std::sqrt(mean + static_cast<double>(op.norm_eps));
    for (int64_t i = 0; i < M; ++i)
      mix[i] = raw[t * M + i] * inverse * scale[i < n ? 0 : i < 2 * n ? 1 : 2] + base[i];
    for (int64_t j = 0; j < n; ++j) {
      const double pre = hc_sigmoid(mix[j]) + static_cast<double>(op.hc_eps);
      for (int64_t c = 0; c < D; ++c) out.x[t * D + c] += pre * Xt[j * D + c];
    }
    if (head) continue;
    for (int64_t j = 0; j < n; ++j) out.post.push_back(2 * hc_sigmoid(mix[n + j]));
    hc_sinkhorn(op, mix.data() + 2 * n);
    out.comb.insert(out.comb.end(), mix.begin() + 2 * n, mix.end());
  }
  return out;
}

inline Doubles hc_post_oracle(const HyperConnection& op, const Doubles& y, const Doubles& X,
                              const Doubles& post, const Doubles& comb) {
  const int64_t n = op.streams, D = op.hidden;
  Doubles out(op.tokens * n * D);
  for (int64_t t = 0; t < op.tokens; ++t)
    for (int64_t k = 0; k < n; ++k)
      for (int64_t c = 0; c < D; ++c) {
        double sum = post[t * n + k] * y[t * D + c];
        for (int64_t j = 0; j < n; ++j) sum += comb[(t * n + j) * n + k] * X[(t * n + j) * D + c];
        out[(t * n + k) * D + c] = sum;
      }
  return out;
}

// Random inputs and output gradients of hc_pre, hc_head (is_head) and hc_post.
struct HcCase {
  HcCase(int64_t T, int64_t n, int64_t D, bool is_head = false, int64_t iterations = 20)
      : head(is_head),
        M(is_head ? n : (2 + n) * n),
        op{.tokens = T,
           .streams = n,
           .hidden = D,
           .sinkhorn_iters = iterations,
           .hc_eps = 1e-3f,
           .norm_eps = 1e-2f},
        X(random_floats(T * n * D, 1)),
        raw(random_floats(T * M, 2)),
        base(random_floats(M, 3)),
        scale(random_floats(is_head ? 1 : 3, 4)),
        y(random_floats(T * D, 5)),
        dx(random_floats(T * D, 6)),
        dpost(random_floats(T * n, 7)),
        dcomb(random_floats(T * n * n, 8)),
        dout(random_floats(T * n * D, 9)) {}

  HyperConnection bound() const {
    HyperConnection o = op;
    o.base = base.data(), o.scale = scale.data();
    return o;
  }
  // x, post, comb in one list (the head: x alone).
  std::vector<float> pre(ThreadPool& pool) const {
    std::vector<float> x(dx.size()), post(dpost.size()), comb(dcomb.size());
    if (head) {
      hc_head(pool, bound(), X.data(), raw.data(), x.data());
      return x;
    }
    hc_pre(pool, bound(), X.data(), raw.data(), x.data(), post.data(), comb.data());
    append(&x, post), append(&x, comb);
    return x;
  }
  struct Gradients {
    std::vector<float> dX, draw, dbase, dscale;
    std::vector<float> all() const {
      auto a = dX;
      append(&a, draw), append(&a, dbase), append(&a, dscale);
      return a;
    }
  };
  Gradients pre_backward(ThreadPool& pool) const {
    Arena arena;
    Gradients g{std::vector<float>(X.size()), std::vector<float>(raw.size()),
                std::vector<float>(base.size()), std::vector<float>(scale.size())};
    if (head)
      hc_head_backward(pool, arena, bound(), X.data(), raw.data(), dx.data(), g.dX.data(),
                       g.draw.data(), g.dbase.data(), g.dscale.data());
    else
      hc_pre_backward(pool, arena, bound(), X.data(), raw.data(), dx.data(), dpost.data(),
                      dcomb.data(), g.dX.data(), g.draw.data(), g.dbase.data(), g.dscale.data());
    return g;
  }
  double loss(const Doubles& Xd, const Doubles& rawd, const Doubles& based,
              const Doubles& scaled) const {
    const HcOutputs o = hc_oracle(op, head, Xd, rawd, based, scaled);
    return dot(o.x, dx) + (head ? 0 : dot(o.post, dpost) + dot(o.comb, dcomb));
  }
  HcOutputs oracle() const {
    return hc_oracle(op, head, to_double(X), to_double(raw), to_double(base), to_double(scale));
  }

  bool head;
  int64_t M;
  HyperConnection op;
  std::vector<float> X, raw, base, scale, y, dx, dpost, dcomb, dout;
};

}  // namespace amalgam::kernels
