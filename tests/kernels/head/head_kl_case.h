// Students, teachers and weights for the tests of head_kl, and its loss in double.
#pragma once
#include "kernels/head/head_kl.h"
#include "tests/kernels/head/divergence_oracle.h"
#include "tests/kernels/head/head_case.h"

namespace amalgam::kernels {

struct KlCase {
  KlCase(int64_t t, int64_t v, int64_t d, const std::vector<int64_t>& teacher_dims)
      : T(t), V(v), D(d), h(random_floats(t * d, 1)), w(random_floats(v * d, 2)) {
    c = random_floats(T, 3);
    for (size_t i = 0; i < teacher_dims.size(); ++i) {
      const int64_t width = teacher_dims[i];
      teachers.push_back({width, random_floats(T * width, 10 + 3 * i),
                          random_floats(V * width, 11 + 3 * i), random_floats(T, 12 + 3 * i)});
      for (float& x : teachers.back().weights) x = std::abs(x);
    }
  }
  struct Teacher {
    int64_t dim;
    std::vector<float> h, w, weights;
  };

  // Σ_t c_t Σ_i w_i D_i in double; per token without c into kl.
  double loss(const std::vector<double>& hd, const std::vector<double>& wd,
              std::vector<double>* kl = nullptr) const {
    double sum = 0;
    for (int64_t t = 0; t < T; ++t) {
      const auto at = static_cast<size_t>(t);
      const auto logp = log_softmax_row(hd, wd, t, V, D, temperature);
      double token = 0;
      for (const Teacher& e : teachers) {
        const auto logq = log_softmax_row(to_double(e.h), to_double(e.w), t, V, e.dim, temperature);
        token += static_cast<double>(e.weights[at]) * divergence_in_double(divergence, logp, logq);
      }
      if (kl) kl->push_back(token);
      sum += static_cast<double>(c[at]) * token;
    }
    return sum;
  }

  int64_t T, V, D;
  double temperature = 1;
  Divergence divergence = {};
  bool wants_gradient = true;
  std::vector<float> h, w, c;
  std::vector<Teacher> teachers;
};

struct KlResult {
  std::vector<float> kl, dh, dw;
  std::vector<std::vector<float>> teacher_kl;  // unweighted
  bool operator==(const KlResult& o) const {
    for (size_t i = 0; i < teacher_kl.size(); ++i)
      if (!same_bits(teacher_kl[i], o.teacher_kl[i])) return false;
    return same_bits(kl, o.kl) && same_bits(dh, o.dh) && same_bits(dw, o.dw);
  }
};

inline KlResult run(const KlCase& k, int threads = 1, int64_t tile_rows = 0) {
  ThreadPool pool(threads);
  Arena arena;
  KlResult r{std::vector<float>(k.c.size(), 7.0f),
             std::vector<float>(k.h.size()),
             std::vector<float>(k.w.size()),
             {k.teachers.size(), std::vector<float>(k.c.size(), 7.0f)}};
  std::vector<KlTeacher> teachers;
  for (size_t i = 0; i < k.teachers.size(); ++i) {
    const KlCase::Teacher& e = k.teachers[i];
    teachers.push_back({.head = {e.w.data(), k.V, e.dim},
                        .hidden = e.h.data(),
                        .weights = e.weights.data(),
                        .kl = r.teacher_kl[i].data()});
  }
  head_kl(pool, arena,
          {.student = {k.w.data(), k.V, k.D},
           .hidden = k.h.data(),
           .tokens = k.T,
           .teachers = teachers,
           .c = k.c.data(),
           .tile_rows = tile_rows,
           .temperature = k.temperature,
           .divergence = k.divergence},
          r.kl.data(),
          k.wants_gradient ? HeadGradients{r.dh.data(), r.dw.data()} : HeadGradients{});
  return r;
}

}  // namespace amalgam::kernels
