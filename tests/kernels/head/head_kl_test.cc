#include "kernels/head/head_kl.h"

#include <gtest/gtest.h>

#include "tests/kernels/head/head_case.h"

namespace amalgam::kernels {
namespace {

struct Case {
  Case(int64_t t, int64_t v, int64_t d, const std::vector<int64_t>& teacher_dims)
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

  // Σ_t c_t Σ_i w_i KL_i in double; per token without c into kl.
  double loss(const std::vector<double>& hd, const std::vector<double>& wd,
              std::vector<double>* kl = nullptr) const {
    double sum = 0;
    for (int64_t t = 0; t < T; ++t) {
      const auto at = static_cast<size_t>(t);
      const auto logp = log_softmax_row(hd, wd, t, V, D, temperature);
      double token = 0;
      for (const Teacher& e : teachers) {
        const auto logq = log_softmax_row(to_double(e.h), to_double(e.w), t, V, e.dim, temperature);
        double kl_i = 0;
        for (size_t v = 0; v < logp.size(); ++v) kl_i += std::exp(logp[v]) * (logp[v] - logq[v]);
        token += static_cast<double>(e.weights[at]) * kl_i;
      }
      if (kl) kl->push_back(token);
      sum += static_cast<double>(c[at]) * token;
    }
    return sum;
  }

  int64_t T, V, D;
  double temperature = 1;
  std::vector<float> h, w, c;
  std::vector<Teacher> teachers;
};

struct Result {
  std::vector<float> kl, dh, dw;
  std::vector<std::vector<float>> teacher_kl;  // unweighted
  bool operator==(const Result& o) const {
    for (size_t i = 0; i < teacher_kl.size(); ++i)
      if (!same_bits(teacher_kl[i], o.teacher_kl[i])) return false;
    return same_bits(kl, o.kl) && same_bits(dh, o.dh) && same_bits(dw, o.dw);
  }
};

Result run(const Case& k, int threads = 1, int64_t tile_rows = 0) {
  ThreadPool pool(threads);
  Arena arena;
  Result r{std::vector<float>(k.c.size(), 7.0f),
           std::vector<float>(k.h.size()),
           std::vector<float>(k.w.size()),
           {k.teachers.size(), std::vector<float>(k.c.size(), 7.0f)}};
  std::vector<KlTeacher> teachers;
  for (size_t i = 0; i < k.teachers.size(); ++i) {
    const Case::Teacher& e = k.teachers[i];
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
           .temperature = k.temperature},
          r.kl.data(), {r.dh.data(), r.dw.data()});
  return r;
}

TEST(HeadKlTest, HandComputed) {
  // D = 1, h = 1: logits are the weights. π = (1/4, 3/4), π_E = (1/2, 1/2).
  Case k(1, 2, 1, {1});
  k.h = {1}, k.w = {0, std::log(3.0f)}, k.c = {2};
  k.teachers[0].h = {1}, k.teachers[0].w = {0, 0}, k.teachers[0].weights = {0.5f};
  const Result r = run(k);
  const double kl = 0.25 * std::log(0.5) + 0.75 * std::log(1.5);
  EXPECT_NEAR(r.kl[0], 0.5 * kl, 1e-6);
  EXPECT_NEAR(r.dw[0], 2 * 0.5 * 0.25 * (std::log(0.5) - kl), 1e-6);
  EXPECT_NEAR(r.dw[1], 2 * 0.5 * 0.75 * (std::log(1.5) - kl), 1e-6);
  EXPECT_NEAR(r.dh[0], std::log(3.0) * 0.75 * (std::log(1.5) - kl), 1e-6);
}

constexpr double kTemperatures[] = {1, 0.5, 1.3};

TEST(HeadKlTest, CloseToDouble) {
  Case k(7, 2100, 20, {12, 30});
  for (const double temperature : kTemperatures) {
    k.temperature = temperature;
    std::vector<double> kl;
    k.loss(to_double(k.h), to_double(k.w), &kl);
    const Result r = run(k, 2, 3);
    for (size_t t = 0; t < kl.size(); ++t) EXPECT_NEAR(r.kl[t], kl[t], 1e-5 * (1 + kl[t]));
  }
}

// A teacher's own KL has no weight in it; without a weight for the token it is 0.
TEST(HeadKlTest, EachTeachersKlIsUnweighted) {
  Case k(7, 90, 20, {12, 30});
  k.temperature = 0.5;
  k.teachers[0].weights[3] = 0;
  const Result r = run(k, 1, 3);
  for (size_t i = 0; i < 2; ++i) {
    Case alone = k;
    alone.teachers = {k.teachers[i]};
    std::fill(alone.teachers[0].weights.begin(), alone.teachers[0].weights.end(), 1.0f);
    std::vector<double> kl;
    alone.loss(to_double(k.h), to_double(k.w), &kl);
    for (size_t t = 0; t < kl.size(); ++t)
      EXPECT_NEAR(r.teacher_kl[i][t], i == 0 && t == 3 ? 0 : kl[t], 1e-5 * (1 + kl[t]));
  }
}

TEST(HeadKlTest, FiniteDifferences) {
  for (const int64_t v : {3, 16, 37}) {
    for (const auto& [dims, temperature] :
         {std::pair{std::vector<int64_t>{4}, 1.0}, std::pair{std::vector<int64_t>{4}, 0.5},
          std::pair{std::vector<int64_t>{3, 5, 7}, 1.0},
          std::pair{std::vector<int64_t>{3, 5, 7}, 1.3}}) {
      Case k(5, v, 4, dims);
      k.temperature = temperature;
      k.teachers[0].weights[1] = 0;
      const Result r = run(k, 2, 2);
      EXPECT_LT(gradient_error(to_double(k.h), r.dh,
                               [&](const auto& x) { return k.loss(x, to_double(k.w)); }),
                3e-5);
      EXPECT_LT(gradient_error(to_double(k.w), r.dw,
                               [&](const auto& x) { return k.loss(to_double(k.h), x); }),
                3e-5);
    }
  }
}

TEST(HeadKlTest, TileAndThreadsDoNotChangeBits) {
  Case k(31, 300, 24, {24, 40});
  for (size_t t = 0; t < 31; ++t) {
    if (t % 3 == 0) k.teachers[0].weights[t] = 0;
    if (t % 5 == 0) k.teachers[1].weights[t] = 0;
  }
  for (const double temperature : kTemperatures) {
    k.temperature = temperature;
    const Result want = run(k, 1, 31);
    for (const int threads : {1, 2, 3}) {
      for (const int64_t tile : {0, 1, 4, 30}) {
        EXPECT_TRUE(run(k, threads, tile) == want) << threads << " " << tile;
      }
    }
  }
}

TEST(HeadKlTest, ATeacherOfOtherTokensChangesNothing) {
  const Case one(12, 100, 16, {16});
  Case two(12, 100, 16, {16, 8});
  two.teachers[0] = one.teachers[0];
  for (size_t t = 0; t < 12; ++t) {
    if (t != 5) two.teachers[1].weights[t] = 0;
  }
  const Result a = run(one), b = run(two);
  for (size_t t = 0; t < 12; ++t) {
    EXPECT_EQ(a.kl[t] == b.kl[t], t != 5);
    for (size_t d = 0; d < 16; ++d) EXPECT_EQ(a.dh[t * 16 + d] == b.dh[t * 16 + d], t != 5);
  }
}

TEST(HeadKlTest, TeachersAddUp) {
  Case both(6, 50, 8, {8, 12}), first = both, second = both;
  first.teachers.pop_back();
  second.teachers.erase(second.teachers.begin());
  const Result a = run(first), b = run(second), sum = run(both);
  for (size_t t = 0; t < 6; ++t) EXPECT_NEAR(sum.kl[t], a.kl[t] + b.kl[t], 1e-6);
  for (size_t i = 0; i < sum.dh.size(); ++i) EXPECT_NEAR(sum.dh[i], a.dh[i] + b.dh[i], 1e-6);
}

TEST(HeadKlTest, ItsOwnTeacherGivesZero) {
  Case k(6, 70, 8, {8});
  k.teachers[0].h = k.h, k.teachers[0].w = k.w;
  const Result r = run(k);
  EXPECT_TRUE(same_bits(r.kl, std::vector<float>(6)));
  for (const float x : r.dh) EXPECT_EQ(x, 0);
}

TEST(HeadKlTest, TokensWithoutATeacherAreLeftOut) {
  Case k(4, 20, 4, {4});
  k.teachers[0].weights = {0, 1, 0, 1};
  const Result r = run(k);
  EXPECT_EQ(r.kl[0], 0);
  EXPECT_GT(r.kl[1], 0);
  for (size_t d = 0; d < 4; ++d) EXPECT_EQ(r.dh[d], 0);
  Case none = k;
  none.teachers[0].weights = {0, 0, 0, 0};
  EXPECT_TRUE(same_bits(run(none).kl, std::vector<float>(4)));
}

TEST(HeadKlTest, WithoutGradients) {
  const Case k(9, 64, 8, {8});
  ThreadPool pool(1);
  Arena arena;
  const KlTeacher teacher{.head = {k.teachers[0].w.data(), k.V, 8},
                          .hidden = k.teachers[0].h.data(),
                          .weights = k.teachers[0].weights.data()};
  std::vector<float> kl(9);
  head_kl(pool, arena,
          {.student = {k.w.data(), k.V, k.D},
           .hidden = k.h.data(),
           .tokens = k.T,
           .teachers = {&teacher, 1},
           .c = k.c.data()},
          kl.data(), {});
  EXPECT_TRUE(same_bits(kl, run(k).kl));
}

}  // namespace
}  // namespace amalgam::kernels
