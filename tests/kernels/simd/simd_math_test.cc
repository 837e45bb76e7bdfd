// The vector polynomials against libm in double, over their whole range.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/kernels/simd/simd_math_test.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels {
namespace HWY_NAMESPACE {
template <class F>
void Map(const float* x, float* y, int64_t n, F f) {
  const F32 d;
  for (int64_t i = 0; i < n; i += kLanes)
    StorePartial(f(LoadPadded(x + i, n - i, 1.0f)), y + i, n - i);
  (void)d;
}
void MapAll(const float* x, float* exp, float* log, float* sigmoid, float* softplus, int64_t n) {
  Map(x, exp, n, [](VF v) HWY_ATTR { return Exp(v); });
  Map(x, log, n, [](VF v) HWY_ATTR { return Log(v); });
  Map(x, sigmoid, n, [](VF v) HWY_ATTR { return Sigmoid(v); });
  Map(x, softplus, n, [](VF v) HWY_ATTR { return Softplus(v); });
}
float Dot(const float* a, const float* b, int64_t n) { return Dot16(a, b, n); }
}  // namespace HWY_NAMESPACE
}  // namespace amalgam::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <gtest/gtest.h>

#include <vector>
namespace amalgam::kernels {
HWY_EXPORT(MapAll);
HWY_EXPORT(Dot);

double relative(double got, double want) { return std::abs(got - want) / std::abs(want); }

TEST(SimdMathTest, PolynomialsMatchLibmInDouble) {
  std::vector<float> x, e, l, s, p;
  for (float v = -86; v < 88; v += 0.00137f) x.push_back(v);
  for (float v = 1e-6f; v < 1e6f; v *= 1.003f) x.push_back(v), x.push_back(-v);
  const size_t n = x.size();
  e.resize(n), l.resize(n), s.resize(n), p.resize(n);
  HWY_DYNAMIC_DISPATCH(MapAll)
  (x.data(), e.data(), l.data(), s.data(), p.data(), static_cast<int64_t>(n));
  for (size_t i = 0; i < n; ++i) {
    const double v = x[i];
    if (v > -86 && v < 88) {
      ASSERT_LT(relative(e[i], std::exp(v)), 3e-7) << v;
      ASSERT_LT(relative(s[i], 1 / (1 + std::exp(-v))), 4e-7) << v;
      ASSERT_LT(relative(p[i], std::log1p(std::exp(-std::abs(v))) + std::max(v, 0.0)), 5e-7) << v;
    }
    if (v > 0 && v != 1) {
      ASSERT_LT(std::abs(l[i] - std::log(v)), 2e-7 * std::max(1e-3, std::abs(std::log(v)))) << v;
    }
  }
}

TEST(SimdMathTest, ExpIsExactWhereTheAlgorithmsNeedIt) {
  const std::vector<float> x = {0, -0.0f, -INFINITY, -200, -88, 1, 2, 3};
  std::vector<float> e(8), unused(8), unused2(8), unused3(8);
  HWY_DYNAMIC_DISPATCH(MapAll)
  (x.data(), e.data(), unused.data(), unused2.data(), unused3.data(), 8);
  EXPECT_EQ(e[0], 1.0f);
  EXPECT_EQ(e[1], 1.0f);
  for (int i = 2; i < 5; ++i) EXPECT_EQ(e[static_cast<size_t>(i)], 0.0f);
}

// Else a broken number would become a small probability.
TEST(SimdMathTest, ExpOfANaNIsOne) {
  const std::vector<float> x = {1, std::nanf(""), 2, -std::nanf("")};
  std::vector<float> e(4), unused(4), unused2(4), unused3(4);
  HWY_DYNAMIC_DISPATCH(MapAll)
  (x.data(), e.data(), unused.data(), unused2.data(), unused3.data(), 4);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(std::isnan(e[i]), std::isnan(x[i]));
}

TEST(SimdMathTest, DotIsSixteenPartialSumsInAFixedTree) {
  for (int64_t n : {1, 7, 8, 15, 16, 17, 31, 64, 131}) {
    std::vector<float> a(static_cast<size_t>(n)), b(a);
    for (int64_t i = 0; i < n; ++i) {
      a[static_cast<size_t>(i)] = static_cast<float>((i * 37) % 19) * 0.31f - 2;
      b[static_cast<size_t>(i)] = static_cast<float>((i * 11) % 23) * 0.17f - 1;
    }
    float part[16] = {};
    for (int64_t i = 0; i < n; ++i)
      part[i % 16] = std::fma(a[static_cast<size_t>(i)], b[static_cast<size_t>(i)], part[i % 16]);
    for (int width = 8; width >= 1; width /= 2)
      for (int i = 0; i < width; ++i) part[i] += part[i + width];
    EXPECT_EQ(HWY_DYNAMIC_DISPATCH(Dot)(a.data(), b.data(), n), part[0]) << n;
  }
}
}  // namespace amalgam::kernels
#endif
