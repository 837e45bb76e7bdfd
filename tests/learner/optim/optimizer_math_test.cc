// The update rules against numpy float64 (tests/golden/optimizer) and against their own definition
// in double.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "learner/optim/adamw.h"
#include "learner/optim/muon.h"
#include "learner/optim/sum_of_squares.h"
#include "learner/step/router_balance.h"
#include "tests/learner/small_model.h"
#include "tests/paths.h"

namespace amalgam::learner {
namespace {

using testing::bits;
using testing::random_value;

nlohmann::json golden() {
  std::ifstream in(tests::golden("optimizer/golden.json"));
  return nlohmann::json::parse(in);
}

std::vector<float> floats(const nlohmann::json& j) {
  const auto d = j.get<std::vector<double>>();
  return {d.begin(), d.end()};
}

double max_error(const std::vector<float>& got, const nlohmann::json& want, double floor) {
  const auto d = want.get<std::vector<double>>();
  EXPECT_EQ(got.size(), d.size());
  double worst = 0;
  for (size_t i = 0; i < d.size(); ++i)
    worst = std::max(worst, std::fabs(got[i] - d[i]) / std::max(std::fabs(d[i]), floor));
  return worst;
}

std::vector<float> run_newton_schulz(int64_t rows, int64_t cols, const std::vector<float>& x) {
  kernels::ThreadPool pool(1);
  NewtonSchulzScratch scratch;
  scratch.reserve(rows, cols);
  std::copy(x.begin(), x.end(), scratch.x.data());
  newton_schulz(pool, rows, cols, scratch);
  return {scratch.x.data(), scratch.x.data() + rows * cols};
}

TEST(MuonTest, EqualsNumpyFloat64) {
  kernels::ThreadPool pool(1);
  const auto cases = golden()["muon"];
  ASSERT_EQ(cases.size(), 4u);
  for (const auto& c : cases) {
    const int64_t rows = c["rows"], cols = c["cols"];
    const auto size = static_cast<size_t>(rows * cols);
    std::vector<float> w = floats(c["w0"]), m(size), w_next(size), m_next(size);
    NewtonSchulzScratch scratch;
    scratch.reserve(rows, cols);
    for (const auto& grad : c["grads"]) {
      const auto g = floats(grad);
      muon_update(pool, {.lr = c["lr"], .momentum = 0.95, .weight_decay = 0.1},
                  {rows, cols, w.data(), g.data(), m.data(), w_next.data(), m_next.data()},
                  scratch);
      w.swap(w_next), m.swap(m_next);
    }
    EXPECT_LT(max_error(w, c["w"], 0.01), 1e-4) << rows << "x" << cols;
    EXPECT_LT(max_error(m, c["m"], 1e-3), 1e-5) << rows << "x" << cols;
  }
}

TEST(MuonTest, GradScaleIsAppliedBeforeTheMomentum) {
  kernels::ThreadPool pool(1);
  NewtonSchulzScratch scratch;
  scratch.reserve(5, 8);
  std::vector<float> w(40), g(40), half(40), m(40), a(40), am(40), b(40), bm(40);
  for (size_t i = 0; i < 40; ++i) {
    w[i] = random_value(1, i), g[i] = random_value(2, i), m[i] = random_value(3, i);
    half[i] = 0.5f * g[i];
  }
  muon_update(pool, {.lr = 0.1, .grad_scale = 0.5},
              {5, 8, w.data(), g.data(), m.data(), a.data(), am.data()}, scratch);
  muon_update(pool, {.lr = 0.1}, {5, 8, w.data(), half.data(), m.data(), b.data(), bm.data()},
              scratch);
  EXPECT_EQ(bits(a), bits(b));
  EXPECT_EQ(bits(am), bits(bm));
}

TEST(NewtonSchulzTest, SingularValuesComeNearOne) {
  for (auto [rows, cols] : {std::pair<int64_t, int64_t>{16, 40}, {40, 16}, {17, 33}, {64, 128}}) {
    std::vector<float> x(static_cast<size_t>(rows * cols));
    for (size_t i = 0; i < x.size(); ++i) x[i] = random_value(5, i);
    const auto o = run_newton_schulz(rows, cols, x);
    // The smaller Gram matrix is near the identity.
    const int64_t n = std::min(rows, cols), k = std::max(rows, cols);
    const int64_t row_step = rows <= cols ? cols : 1, step = rows <= cols ? 1 : cols;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double dot = 0;
        for (int64_t l = 0; l < k; ++l)
          dot += static_cast<double>(o[static_cast<size_t>(i * row_step + l * step)]) *
                 o[static_cast<size_t>(j * row_step + l * step)];
        EXPECT_NEAR(dot, i == j ? 1.0 : 0.0, 0.05) << rows << "x" << cols << " " << i << " " << j;
      }
  }
}

TEST(NewtonSchulzTest, ATallMatrixIsTheTransposeOfAWideOne) {
  std::vector<float> wide(7 * 19), tall(wide.size());
  for (size_t i = 0; i < wide.size(); ++i) {
    wide[i] = random_value(6, i);
    tall[i % 19 * 7 + i / 19] = wide[i];
  }
  const auto a = run_newton_schulz(7, 19, wide), b = run_newton_schulz(19, 7, tall);
  double worst = 0;  // the norm is summed in another order, so not the same bits
  for (size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::fabs(static_cast<double>(a[i]) - b[i % 19 * 7 + i / 19]));
  EXPECT_LT(worst, 1e-4);
}

TEST(NewtonSchulzTest, ZeroAndScale) {
  EXPECT_EQ(run_newton_schulz(3, 4, std::vector<float>(12)), std::vector<float>(12));
  std::vector<float> x(12), large(12), tiny(12);
  for (size_t i = 0; i < 12; ++i) {
    x[i] = random_value(7, i);
    large[i] = x[i] * 0x1p60f;  // squares are beyond f32
    tiny[i] = x[i] * 0x1p-60f;
  }
  EXPECT_EQ(bits(run_newton_schulz(3, 4, x)), bits(run_newton_schulz(3, 4, large)));
  EXPECT_EQ(bits(run_newton_schulz(3, 4, x)), bits(run_newton_schulz(3, 4, tiny)));
}

TEST(AdamWTest, EqualsNumpyFloat64) {
  const auto c = golden()["adamw"][0];
  std::vector<float> w = floats(c["w0"]);
  const size_t n = w.size();
  std::vector<float> m(n), v(n), w_next(n), m_next(n), v_next(n);
  int64_t t = 0;
  for (const auto& grad : c["grads"]) {
    const auto g = floats(grad);
    adamw_update(
        {.lr = c["lr"], .t = ++t},
        {w.data(), g.data(), m.data(), v.data(), w_next.data(), m_next.data(), v_next.data()},
        static_cast<int64_t>(n));
    w.swap(w_next), m.swap(m_next), v.swap(v_next);
  }
  EXPECT_EQ(t, 4);
  EXPECT_LT(max_error(w, c["w"], 1e-2), 2e-6);
  EXPECT_LT(max_error(m, c["m"], 1e-30), 2e-5);
  EXPECT_LT(max_error(v, c["v"], 1e-30), 2e-6);
}

TEST(AdamWTest, FirstStepMovesByTheRateWhateverTheScale) {
  // m̂ / sqrt(v̂) = sign(g) after one step.
  for (float g : {1e-12f, -1e-3f, 1e4f}) {
    const float w = 1, zero = 0;
    float w_next = 0, m_next = 0, v_next = 0;
    adamw_update({.lr = 0.25, .weight_decay = 0}, {&w, &g, &zero, &zero, &w_next, &m_next, &v_next},
                 1);
    EXPECT_NEAR(w_next, g > 0 ? 0.75 : 1.25, 1e-6) << g;
  }
}

TEST(AdamWTest, NoGradientOnlyDecays) {
  for (double eps : {1e-20, 0.0, 1e-300}) {
    const std::vector<float> w(19, 2.0f), zero(19);
    std::vector<float> w_next(19), m_next(19), v_next(19);
    adamw_update({.lr = 0.1, .eps = eps, .weight_decay = 0.5},
                 {w.data(), zero.data(), zero.data(), zero.data(), w_next.data(), m_next.data(),
                  v_next.data()},
                 19);
    for (float x : w_next) EXPECT_FLOAT_EQ(x, 1.9f);
  }
}

TEST(SumOfSquaresTest, KnownSumsAndEdges) {
  for (int64_t n : {0, 1, 15, 16, 17, 31, 100003}) {
    std::vector<float> x(static_cast<size_t>(n));
    long double want = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = random_value(8, i);
      want += static_cast<long double>(x[i]) * x[i];
    }
    EXPECT_NEAR(sum_of_squares(x.data(), n), static_cast<double>(want),
                1e-13 * static_cast<double>(n));
  }
  const std::vector<float> large(3, 1e30f);
  EXPECT_NEAR(sum_of_squares(large.data(), 3), 3e60, 1e54);
}

TEST(RouterBalanceTest, OverloadedGoesDownAndIdleUp) {
  const std::vector<float> bias{0.5f, 0, -0.25f, 0};
  std::vector<float> next(4);
  const std::vector<int64_t> load{9, 3, 4, 4};  // mean 5
  update_router_bias(bias.data(), load.data(), 4, next.data());
  EXPECT_EQ(next, (std::vector<float>{0.5f - 0.001f, 0.001f, -0.25f + 0.001f, 0.001f}));
  const std::vector<int64_t> even{5, 6, 5, 4};  // experts at the mean stay
  update_router_bias(bias.data(), even.data(), 4, next.data());
  EXPECT_EQ(next, (std::vector<float>{0.5f, -0.001f, -0.25f, 0.001f}));
}

}  // namespace
}  // namespace amalgam::learner
