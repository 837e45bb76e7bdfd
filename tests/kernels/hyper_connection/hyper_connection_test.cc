#include "kernels/hyper_connection/hyper_connection.h"

#include "tests/kernels/hyper_connection/hyper_connection_case.h"

namespace amalgam::kernels {
namespace {

struct Shape {
  int64_t T, n, D;
};
// Tokens around the lanes of both instruction sets and the row block, streams with the specialised
// kernel (4) and without, ragged channels.
constexpr Shape kShapes[] = {{1, 1, 1},  {7, 2, 5},   {8, 3, 8},   {9, 4, 7}, {15, 4, 16},
                             {16, 5, 1}, {17, 4, 22}, {33, 2, 17}, {3, 8, 33}};

TEST(HyperConnectionTest, HandCase) {
  // One token, two streams of one channel, X = (3, 1), one Sinkhorn iteration, no eps anywhere:
  // mixes = raw / sqrt(5). With scale 0 only the base counts.
  const float X[] = {3, 1}, scale[] = {0, 0, 0};
  const float raw[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  const float ln2 = std::log(2.0f), ln3 = std::log(3.0f);
  // pre = (1/2, 3/4); post = (1, 2/3); comb: rows (1:2) and (1:1) → softmax rows (1/3, 2/3),
  // (1/2, 1/2); columns 5/6 and 7/6 → (2/5, 4/7), (3/5, 3/7).
  const float base[] = {0, ln3, 0, -ln2, 0, ln2, 0, 0};
  float x[1], post[2], comb[4];
  ThreadPool pool(1);
  hc_pre(pool,
         {.tokens = 1,
          .streams = 2,
          .hidden = 1,
          .sinkhorn_iters = 1,
          .hc_eps = 0,
          .norm_eps = 0,
          .base = base,
          .scale = scale},
         X, raw, x, post, comb);
  EXPECT_NEAR(x[0], 0.5 * 3 + 0.75 * 1, 1e-6);
  EXPECT_NEAR(post[0], 1, 1e-6);
  EXPECT_NEAR(post[1], 2.0 / 3, 1e-6);
  const double want[] = {2.0 / 5, 4.0 / 7, 3.0 / 5, 3.0 / 7};
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(comb[i], want[i], 1e-6) << i;
}

// Each group of mixes has its own scale, and the norm divides by sqrt(mean square).
TEST(HyperConnectionTest, ScalesAndNorm) {
  const float X[] = {3, 1}, scale[] = {1, 2, 0}, base[8] = {};
  const float s = std::sqrt(5.0f), raw[] = {s, 0, s, 0, 9, 9, -9, 9};
  float x[1], post[2], comb[4];
  ThreadPool pool(1);
  hc_pre(pool,
         {.tokens = 1,
          .streams = 2,
          .hidden = 1,
          .hc_eps = 0,
          .norm_eps = 0,
          .base = base,
          .scale = scale},
         X, raw, x, post, comb);
  EXPECT_NEAR(x[0], hc_sigmoid(1) * 3 + 0.5, 1e-6);
  EXPECT_NEAR(post[0], 2 * hc_sigmoid(2), 1e-6);
  for (const float c : comb) EXPECT_NEAR(c, 0.5, 1e-6);
}

TEST(HyperConnectionTest, PostUsesFirstIndex) {
  const float y[] = {10}, X[] = {1, 100}, post[] = {2, 3}, comb[] = {0.1f, 0.2f, 0.3f, 0.4f};
  float out[2];
  ThreadPool pool(1);
  hc_post(pool, {.tokens = 1, .streams = 2, .hidden = 1}, y, X, post, comb, out);
  EXPECT_NEAR(out[0], 20 + 0.1 * 1 + 0.3 * 100, 1e-4);
  EXPECT_NEAR(out[1], 30 + 0.2 * 1 + 0.4 * 100, 1e-4);
}

TEST(HyperConnectionTest, CombIsDoublyStochastic) {
  ThreadPool pool(1);
  for (const int64_t n : {2, 3, 4, 8}) {
    HcCase k(40, n, 8);
    k.op.hc_eps = 1e-6f;
    const auto out = k.pre(pool);
    const float* comb = out.data() + 40 * 8 + 40 * n;
    for (int64_t t = 0; t < 40; ++t, comb += n * n) {
      for (int64_t j = 0; j < n; ++j) {
        double row = 0, column = 0;
        for (int64_t i = 0; i < n; ++i) row += comb[j * n + i], column += comb[i * n + j];
        EXPECT_NEAR(row, 1, 1e-4);
        EXPECT_NEAR(column, 1, 1e-4);
      }
      // Largest singular value by power iteration on CᵀC.
      Doubles v(n), u(n);
      for (int64_t i = 0; i < n; ++i) v[i] = 1.0 + 0.3 * static_cast<double>(i);
      double norm = 0;
      for (int it = 0; it < 60; ++it) {
        u.assign(n, 0);
        for (int64_t i = 0; i < n; ++i)
          for (int64_t j = 0; j < n; ++j) u[i] += static_cast<double>(comb[i * n + j]) * v[j];
        v.assign(n, 0);
        for (int64_t i = 0; i < n; ++i)
          for (int64_t j = 0; j < n; ++j) v[j] += static_cast<double>(comb[i * n + j]) * u[i];
        norm = 0;
        for (const double e : v) norm += e * e;
        norm = std::sqrt(norm);
        for (double& e : v) e /= norm;
      }
      EXPECT_LE(std::sqrt(norm), 1 + 1e-4);
    }
  }
  // After one iteration the columns, normalised last, sum to 1 and the rows do not yet.
  HcCase one(1, 4, 8, false, 1);
  one.op.hc_eps = 1e-6f;
  const auto out = one.pre(pool);
  const float* comb = out.data() + 8 + 4;
  double worst_row = 0;
  for (int64_t j = 0; j < 4; ++j) {
    double row = 0, column = 0;
    for (int64_t i = 0; i < 4; ++i) row += comb[j * 4 + i], column += comb[i * 4 + j];
    EXPECT_NEAR(column, 1, 1e-5);
    worst_row = std::max(worst_row, std::abs(row - 1));
  }
  EXPECT_GT(worst_row, 1e-2);
}

TEST(HyperConnectionTest, CloseToDouble) {
  ThreadPool pool(1);
  for (const auto& [T, n, D] : kShapes) {
    const HcCase k(T, n, D);
    const auto got = k.pre(pool);
    const HcOutputs want = k.oracle();
    EXPECT_LT(relative_error(want.x, slice(got, 0, T * D)), 2e-6) << T;
    EXPECT_LT(relative_error(want.post, slice(got, T * D, T * n)), 2e-6) << T;
    EXPECT_LT(relative_error(want.comb, slice(got, T * (D + n), T * n * n)), 2e-6) << T;
    const HcCase head(T, n, D, true);
    EXPECT_LT(relative_error(head.oracle().x, head.pre(pool)), 2e-6) << T;
  }
}

TEST(HyperConnectionTest, FiniteDifferences) {
  ThreadPool pool(1);
  for (const auto& [T, n, D] : kShapes) {
    for (const bool head : {false, true}) {
      if (T * n * D > 400 && !head) continue;  // the head's case has the same norm and streams
      const HcCase k(T, n, D, head, T == 9 ? 1 : 4);
      const auto g = k.pre_backward(pool);
      const Doubles X = to_double(k.X), raw = to_double(k.raw), base = to_double(k.base),
                    scale = to_double(k.scale);
      const auto where = ::testing::Message() << T << " " << n << " " << D << " " << head;
      EXPECT_LT(gradient_error(X, g.dX, [&](const auto& v) { return k.loss(v, raw, base, scale); }),
                5e-6)
          << where;
      EXPECT_LT(
          gradient_error(raw, g.draw, [&](const auto& v) { return k.loss(X, v, base, scale); }),
          5e-6)
          << where;
      EXPECT_LT(
          gradient_error(base, g.dbase, [&](const auto& v) { return k.loss(X, raw, v, scale); }),
          5e-6)
          << where;
      EXPECT_LT(
          gradient_error(scale, g.dscale, [&](const auto& v) { return k.loss(X, raw, base, v); }),
          5e-6)
          << where;
    }
  }
}

// All 20 iterations: a gradient that stops at the last normalisation is off by tens of percent.
TEST(HyperConnectionTest, FiniteDifferencesThroughAllIterations) {
  ThreadPool pool(1);
  const HcCase k(3, 4, 5);
  const auto g = k.pre_backward(pool);
  const Doubles X = to_double(k.X), base = to_double(k.base), scale = to_double(k.scale);
  EXPECT_LT(gradient_error(to_double(k.raw), g.draw,
                           [&](const auto& v) { return k.loss(X, v, base, scale); }),
            5e-6);
}

// base and scale collect their gradients over blocks of 128 tokens.
TEST(HyperConnectionTest, SumsOverManyTokens) {
  ThreadPool pool(2);
  for (const int64_t T : {127, 128, 129, 263}) {
    const HcCase k(T, 2, 3, false, 3);
    const auto g = k.pre_backward(pool);
    const Doubles X = to_double(k.X), raw = to_double(k.raw), base = to_double(k.base),
                  scale = to_double(k.scale);
    EXPECT_LT(
        gradient_error(base, g.dbase, [&](const auto& v) { return k.loss(X, raw, v, scale); }),
        5e-6);
    EXPECT_LT(
        gradient_error(scale, g.dscale, [&](const auto& v) { return k.loss(X, raw, base, v); }),
        5e-6);
  }
}

TEST(HyperConnectionTest, PostFiniteDifferences) {
  ThreadPool pool(1);
  for (const auto& [T, n, D] : kShapes) {
    const HcCase k(T, n, D);
    const auto &post = k.dpost, &comb = k.dcomb;  // any numbers will do
    std::vector<float> out(k.X.size()), dy(k.y.size()), dX(k.X.size()), dpost(post.size()),
        dcomb(comb.size());
    hc_post(pool, k.op, k.y.data(), k.X.data(), post.data(), comb.data(), out.data());
    hc_post_backward(pool, k.op, k.y.data(), k.X.data(), post.data(), comb.data(), k.dout.data(),
                     dy.data(), dX.data(), dpost.data(), dcomb.data());
    const Doubles y = to_double(k.y), X = to_double(k.X), p = to_double(post), c = to_double(comb);
    EXPECT_LT(relative_error(hc_post_oracle(k.op, y, X, p, c), out), 1e-6);
    const auto loss = [&](const Doubles& a, const Doubles& b, const Doubles& q, const Doubles& r) {
      return dot(hc_post_oracle(k.op, a, b, q, r), k.dout);
    };
    EXPECT_LT(gradient_error(y, dy, [&](const auto& v) { return loss(v, X, p, c); }), 2e-6);
    EXPECT_LT(gradient_error(X, dX, [&](const auto& v) { return loss(y, v, p, c); }), 2e-6);
    EXPECT_LT(gradient_error(p, dpost, [&](const auto& v) { return loss(y, X, v, c); }), 2e-6);
    EXPECT_LT(gradient_error(c, dcomb, [&](const auto& v) { return loss(y, X, p, v); }), 2e-6);
  }
}

TEST(HyperConnectionTest, GradientsAccumulateWhereTheHeaderSaysSo) {
  ThreadPool pool(1);
  Arena arena;
  const HcCase k(5, 4, 6);
  const auto fresh = k.pre_backward(pool);
  HcCase::Gradients g{std::vector<float>(k.X.size(), 1), std::vector<float>(k.raw.size(), 99),
                      std::vector<float>(k.base.size(), 2), std::vector<float>(3, 3)};
  hc_pre_backward(pool, arena, k.bound(), k.X.data(), k.raw.data(), k.dx.data(), k.dpost.data(),
                  k.dcomb.data(), g.dX.data(), g.draw.data(), g.dbase.data(), g.dscale.data());
  for (size_t i = 0; i < g.dX.size(); ++i) EXPECT_NEAR(g.dX[i], 1 + fresh.dX[i], 1e-5);
  EXPECT_TRUE(same_bits(g.draw, fresh.draw));
  for (size_t i = 0; i < g.dbase.size(); ++i) EXPECT_NEAR(g.dbase[i], 2 + fresh.dbase[i], 1e-5);
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(g.dscale[i], 3 + fresh.dscale[i], 1e-5);
}

TEST(HyperConnectionTest, TokensAloneGiveTheSameBits) {
  ThreadPool pool(1);
  constexpr int64_t T = 37, n = 4, D = 22;
  const HcCase k(T, n, D);
  const auto all = k.pre(pool);
  for (const int64_t t : {0, 7, 16, 36}) {
    HyperConnection one = k.bound();
    one.tokens = 1;
    std::vector<float> x(D), post(n), comb(n * n);
    hc_pre(pool, one, k.X.data() + t * n * D, k.raw.data() + t * k.M, x.data(), post.data(),
           comb.data());
    EXPECT_TRUE(same_bits(x, slice(all, t * D, D)));
    EXPECT_TRUE(same_bits(post, slice(all, T * D + t * n, n)));
    EXPECT_TRUE(same_bits(comb, slice(all, T * (D + n) + t * n * n, n * n)));
  }
}

TEST(HyperConnectionTest, SameBitsOnAnyNumberOfThreads) {
  for (const bool head : {false, true}) {
    for (const int64_t n : {3, 4}) {
      const HcCase k(301, n, 17, head);
      expect_same_bits_everywhere([&](ThreadPool& pool) {
        auto all = k.pre(pool);
        append(&all, k.pre_backward(pool).all());
        return all;
      });
      expect_same_bits_everywhere([&](ThreadPool& pool) {
        std::vector<float> out(k.X.size()), dy(k.y.size()), dX(k.X.size()), dpost(k.dpost.size()),
            dcomb(k.dcomb.size());
        hc_post(pool, k.op, k.y.data(), k.X.data(), k.dpost.data(), k.dcomb.data(), out.data());
        hc_post_backward(pool, k.op, k.y.data(), k.X.data(), k.dpost.data(), k.dcomb.data(),
                         k.dout.data(), dy.data(), dX.data(), dpost.data(), dcomb.data());
        for (const auto* part : {&dy, &dX, &dpost, &dcomb}) append(&out, *part);
        return out;
      });
    }
  }
}

}  // namespace
}  // namespace amalgam::kernels
