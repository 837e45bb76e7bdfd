#include "kernels/simd/scalar_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/device/rng.h"

namespace amalgam::kernels {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// Error in units of the last place of the correctly rounded result.
double ulps(double got, long double want) {
  const auto rounded = static_cast<double>(want);
  if (got == rounded) return 0;
  const double ulp = std::nextafter(std::fabs(rounded), kInf) - std::fabs(rounded);
  return static_cast<double>(std::fabs(static_cast<long double>(got) - want) / ulp);
}

double draw(uint64_t stream, uint64_t i, double low, double high) {
  return low + (high - low) * uniform({.seed = 1, .stream = stream}, i);
}

constexpr int kDraws = 200000;

TEST(ScalarMathTest, ExpIsBelowTwoUlps) {
  double worst = 0;
  for (uint64_t i = 0; i < kDraws; ++i) {
    for (double range : {1e-3, 1.0, 30.0, 700.0}) {
      const double x = draw(1, i, -range, range);
      worst = std::max(worst, ulps(scalar::exp(x), std::exp(static_cast<long double>(x))));
    }
  }
  EXPECT_LT(worst, 1.0);
  EXPECT_EQ(scalar::exp(0), 1.0);
  EXPECT_EQ(scalar::exp(-0.0), 1.0);
  EXPECT_EQ(scalar::exp(-kInf), 0.0);
  EXPECT_EQ(scalar::exp(kInf), kInf);
  EXPECT_EQ(scalar::exp(710), kInf);
  EXPECT_EQ(scalar::exp(-746), 0.0);
  EXPECT_TRUE(std::isnan(scalar::exp(NAN)));
  EXPECT_LT(scalar::exp(709.78), kInf);
  for (double x : {-708.5, -720.25, -744.0, -745.1}) {  // subnormal results
    const auto want = static_cast<double>(std::exp(static_cast<long double>(x)));
    EXPECT_LE(std::fabs(scalar::exp(x) - want), std::numeric_limits<double>::denorm_min()) << x;
  }
}

TEST(ScalarMathTest, LogIsBelowTwoUlps) {
  double worst = 0;
  for (uint64_t i = 0; i < kDraws; ++i) {
    for (double x : {draw(2, i, 0, 1), draw(3, i, 0.9, 1.1), draw(4, i, 1, 1e6),
                     std::exp(draw(5, i, -740, 700))}) {
      if (x == 0) continue;
      worst = std::max(worst, ulps(scalar::log(x), std::log(static_cast<long double>(x))));
    }
  }
  EXPECT_LT(worst, 1.0);
  EXPECT_EQ(scalar::log(1), 0.0);
  EXPECT_EQ(scalar::log(0), -kInf);
  EXPECT_EQ(scalar::log(kInf), kInf);
  EXPECT_TRUE(std::isnan(scalar::log(-1)));
  EXPECT_TRUE(std::isnan(scalar::log(NAN)));
}

TEST(ScalarMathTest, SinAndCosAreBelowTwoUlps) {
  double worst = 0;
  for (uint64_t i = 0; i < kDraws; ++i) {
    for (double range : {0.8, 7.0, 1e4, 1048576.0}) {
      const double x = draw(6, i, -range, range);
      worst = std::max(worst, ulps(scalar::sin(x), std::sin(static_cast<long double>(x))));
      worst = std::max(worst, ulps(scalar::cos(x), std::cos(static_cast<long double>(x))));
    }
    // Positions of a rope table: integers.
    const auto x = static_cast<double>(i * 5);
    worst = std::max(worst, ulps(scalar::sin(x), std::sin(static_cast<long double>(x))));
    worst = std::max(worst, ulps(scalar::cos(x), std::cos(static_cast<long double>(x))));
  }
  EXPECT_LT(worst, 1.0);
  EXPECT_EQ(scalar::sin(0), 0.0);
  EXPECT_EQ(scalar::cos(0), 1.0);
  // sin of a double near a multiple of π shows a poor argument reduction.
  EXPECT_LT(ulps(scalar::sin(M_PI), std::sin(static_cast<long double>(M_PI))), 1.0);
  EXPECT_LT(ulps(scalar::cos(355.0 * M_PI_2), std::cos(static_cast<long double>(355.0 * M_PI_2))),
            1.0);
  EXPECT_DEATH(scalar::sin(1e12), "CHECK failed");
}

TEST(ScalarMathTest, PowIsBelowTwoUlps) {
  double worst = 0;
  for (uint64_t i = 0; i < kDraws; ++i) {
    const double x = std::exp(draw(7, i, -20, 20)), y = draw(8, i, -30, 30);
    worst = std::max(worst, ulps(scalar::pow(x, y), std::pow(static_cast<long double>(x),
                                                             static_cast<long double>(y))));
    const double near = draw(9, i, 0.8, 1.25), power = draw(10, i, -2000, 2000);
    worst = std::max(
        worst, ulps(scalar::pow(near, power),
                    std::pow(static_cast<long double>(near), static_cast<long double>(power))));
  }
  for (double theta : {10000.0, 160000.0})
    for (int i = 0; i < 512; ++i)
      worst = std::max(worst, ulps(scalar::pow(theta, -i / 512.0),
                                   std::pow(static_cast<long double>(theta), -i / 512.0L)));
  EXPECT_LT(worst, 2.0);
  EXPECT_EQ(scalar::pow(3, 0), 1.0);
  EXPECT_EQ(scalar::pow(1, 1e300), 1.0);
  EXPECT_EQ(scalar::pow(2, 10), 1024.0);
  EXPECT_EQ(scalar::pow(10, 400), kInf);
  EXPECT_EQ(scalar::pow(10, -400), 0.0);
  EXPECT_DEATH(scalar::pow(0, 2), "CHECK failed");
}

}  // namespace
}  // namespace amalgam::kernels
