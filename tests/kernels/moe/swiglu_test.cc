#include "kernels/moe/swiglu.h"

#include "tests/kernels/kernel_case.h"

namespace amalgam::kernels {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Case {
  Case(int64_t rows_, int64_t cols_, float limit, bool scaled)
      : op{.rows = rows_, .cols = cols_, .limit = limit},
        a(random_floats(rows_ * cols_, 1, 4)),
        b(random_floats(rows_ * cols_, 2, 4)),
        g(scaled ? random_floats(rows_, 3) : std::vector<float>()),
        c(random_floats(rows_ * cols_, 4)) {}
  Swiglu bound() const {
    Swiglu o = op;
    o.scale = g.empty() ? nullptr : g.data();
    return o;
  }
  std::vector<double> oracle(const std::vector<double>& ad, const std::vector<double>& bd,
                             const std::vector<double>& gd) const {
    std::vector<double> y(ad.size());
    const double limit = op.limit > 0 ? static_cast<double>(op.limit) : INFINITY;
    for (size_t i = 0; i < y.size(); ++i) {
      const double u = std::min(ad[i], limit), v = std::clamp(bd[i], -limit, limit);
      y[i] = u * sigmoid(u) * v * (gd.empty() ? 1 : gd[i / static_cast<size_t>(op.cols)]);
    }
    return y;
  }
  // act, da, db, dscale in one list
  std::vector<float> run(ThreadPool& pool) const {
    std::vector<float> act(a.size()), da(a.size()), db(a.size()), dg(g.size());
    swiglu(pool, bound(), a.data(), b.data(), act.data());
    swiglu_backward(pool, bound(), a.data(), b.data(), c.data(), da.data(), db.data(),
                    g.empty() ? nullptr : dg.data());
    for (const auto* part : {&da, &db, &dg}) append(&act, *part);
    return act;
  }

  Swiglu op;
  std::vector<float> a, b, g, c;
};

TEST(SwigluTest, HandCase) {
  // Limit 2: a is clamped from above only and before silu; b on both sides.
  const float a[] = {5, -5, 1, 2}, b[] = {1, 1, -7, 9}, scale[] = {0.5f};
  float y[4];
  ThreadPool pool(1);
  swiglu(pool, {.rows = 1, .cols = 4, .limit = 2, .scale = scale}, a, b, y);
  EXPECT_NEAR(y[0], 0.5 * 2 * sigmoid(2), 1e-6);
  EXPECT_NEAR(y[1], 0.5 * -5 * sigmoid(-5), 1e-7);
  EXPECT_NEAR(y[2], 0.5 * sigmoid(1) * -2, 1e-6);
  EXPECT_NEAR(y[3], 0.5 * 2 * sigmoid(2) * 2, 1e-6);
}

TEST(SwigluTest, NoGradientThroughAClamp) {
  const float a[] = {5, -5, 1}, b[] = {1, 1, -7}, dy[] = {1, 1, 1};
  float da[3], db[3];
  ThreadPool pool(1);
  swiglu_backward(pool, {.rows = 1, .cols = 3, .limit = 2}, a, b, dy, da, db, nullptr);
  EXPECT_EQ(da[0], 0);
  EXPECT_NE(da[1], 0);
  EXPECT_EQ(db[2], 0);
  EXPECT_NEAR(db[0], 2 * sigmoid(2), 1e-6);
}

TEST(SwigluTest, CloseToDoubleAndFiniteDifferences) {
  ThreadPool pool(1);
  for (const int64_t cols : {1, 7, 8, 9, 15, 16, 17, 22, 37}) {
    for (const float limit : {0.0f, 1.5f}) {
      for (const bool scaled : {false, true}) {
        const Case k(7, cols, limit, scaled);
        const auto ad = to_double(k.a), bd = to_double(k.b), gd = to_double(k.g);
        const auto all = k.run(pool);
        const int64_t n = 7 * cols;
        EXPECT_LT(relative_error(k.oracle(ad, bd, gd), slice(all, 0, n)), 1e-6);
        const auto error = [&](const auto& at, int64_t part, const auto& loss) {
          return gradient_error(at, slice(all, part * n, static_cast<int64_t>(at.size())), loss);
        };
        EXPECT_LT(error(ad, 1, [&](const auto& v) { return dot(k.oracle(v, bd, gd), k.c); }), 2e-6);
        EXPECT_LT(error(bd, 2, [&](const auto& v) { return dot(k.oracle(ad, v, gd), k.c); }), 2e-6);
        if (scaled) {
          EXPECT_LT(error(gd, 3, [&](const auto& v) { return dot(k.oracle(ad, bd, v), k.c); }),
                    2e-6);
        }
      }
    }
  }
}

TEST(SwigluTest, LargeInputsStayFinite) {
  const float a[] = {-200, 200, -87.5f, 88.5f}, b[] = {1, 1, 1, 1}, dy[] = {1, 1, 1, 1};
  float y[4], da[4], db[4];
  ThreadPool pool(1);
  const Swiglu op{.rows = 1, .cols = 4};
  swiglu(pool, op, a, b, y);
  swiglu_backward(pool, op, a, b, dy, da, db, nullptr);
  for (const float* v : {y, da, db})
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(std::isfinite(v[i])) << i;
  EXPECT_NEAR(y[0], 0, 1e-30);
  EXPECT_EQ(y[1], 200);
}

TEST(SwigluTest, RowsAloneAndThreadsGiveTheSameBits) {
  const Case k(700, 22, 2, true);
  expect_same_bits_everywhere([&](ThreadPool& pool) { return k.run(pool); });
  ThreadPool pool(1);
  const auto all = k.run(pool);
  for (const int64_t r : {0, 333, 699}) {
    Swiglu one = k.bound();
    one.rows = 1, one.scale += r;
    std::vector<float> y(22);
    swiglu(pool, one, k.a.data() + r * 22, k.b.data() + r * 22, y.data());
    EXPECT_TRUE(same_bits(y, slice(all, r * 22, 22)));
  }
}

}  // namespace
}  // namespace amalgam::kernels
