#include "kernels/quantize/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/device/rng.h"
#include "kernels/quantize/hadamard.h"

namespace amalgam::kernels {
namespace {

TEST(Quantize, ScalesArePowersOfTwo) {
  EXPECT_EQ(ue8m0_value(127), 1.0f);
  EXPECT_EQ(ue8m0_value(0), 0x1p-127f);
  EXPECT_EQ(ue8m0_value(1), 0x1p-126f);
  EXPECT_EQ(ue8m0_value(254), 0x1p127f);
  EXPECT_TRUE(std::isnan(ue8m0_value(kScaleNan)));
}

TEST(Quantize, E4M3HasNoInfinity) {
  EXPECT_EQ(e4m3_value(0x7e), 448.0f);
  EXPECT_EQ(e4m3_value(0xfe), -448.0f);
  EXPECT_TRUE(std::isnan(e4m3_value(0x7f)));
  EXPECT_EQ(e4m3_value(0x38), 1.0f);
  EXPECT_EQ(e4m3_value(0x08), 0x1p-6f);
  EXPECT_EQ(e4m3_value(0x01), 0x1p-9f);
  EXPECT_TRUE(std::signbit(e4m3_value(0x80)));
}

// 2^ceil(log2(amax / largest)): at the largest value itself the scale is 1, one step above it is 2.
TEST(Quantize, ScalesAtTheEdges) {
  EXPECT_EQ(e2m1_scale(6), 127);
  EXPECT_EQ(e2m1_scale(std::nextafter(6.0f, 7.0f)), 128);
  EXPECT_EQ(e2m1_scale(3), 126);
  EXPECT_EQ(e2m1_scale(std::nextafter(3.0f, 7.0f)), 127);
  EXPECT_EQ(e2m1_scale(0), 1);  // amax is at least 6 · 2^-126
  EXPECT_EQ(e4m3_scale(448), 127);
  EXPECT_EQ(e4m3_scale(std::nextafter(448.0f, 500.0f)), 128);
  EXPECT_EQ(e4m3_scale(224), 126);
  EXPECT_EQ(e4m3_scale(0), 105);  // amax is at least 1e-4: 2^ceil(log2(2.23e-7)) = 2^-22
  EXPECT_EQ(e4m3_scale(std::numeric_limits<float>::max()), 247);
  EXPECT_EQ(e2m1_scale(std::numeric_limits<float>::max()), 253);
}

TEST(Quantize, TiesGoToEven) {
  // The block's 6 makes the scale 1.
  const std::vector<float> x = {6,  0.25f,  0.75f, 1.25f, 1.75f,  2.5f,  3.5f, 5,
                                -5, -0.25f, 0.26f, 5.1f,  -1.76f, -0.0f, 0.5f, 1};
  const std::vector<float> want = {6, 0, 1, 1, 2, 2, 4, 4, -4, -0.0f, 0.5f, 6, -2, -0.0f, 0.5f, 1};
  std::vector<float> got(x.size());
  fake_quantize_e2m1(x.data(), 16, got.data());
  EXPECT_EQ(got, want);
  EXPECT_TRUE(std::signbit(got[9]));
  EXPECT_TRUE(std::signbit(got[13]));
  // E4M3: eight steps an octave; below 2^-6 steps of 2^-9.
  const std::vector<float> y = {448, 17, 19, 17.1f, 0x1p-10f, 3 * 0x1p-10f, 0x1.1p-6f, 432};
  const std::vector<float> even = {448, 16, 20, 18, 0, 2 * 0x1p-9f, 0x1p-6f, 448};
  fake_quantize_e4m3(y.data(), 8, 128, got.data());
  got.resize(8);
  EXPECT_EQ(got, even);
}

// Every finite code, as the value it stands for, comes back: whatever the scale.
TEST(Quantize, CodesComeBack) {
  for (const float scale : {1.0f, 0x1p-20f, 0x1p30f}) {
    std::vector<float> x;
    std::vector<uint8_t> want;
    for (int byte = 0; byte < 256; ++byte)
      if ((byte & 0x7f) != 0x7f) {
        want.push_back(static_cast<uint8_t>(byte));
        x.push_back(e4m3_value(static_cast<uint8_t>(byte)) * scale);
      }
    const auto n = static_cast<int64_t>(x.size());
    std::vector<uint8_t> codes(x.size());
    uint8_t byte = 0;
    quantize_e4m3(x.data(), n, {1, 256}, 0, 1, codes.data(), &byte);
    EXPECT_EQ(ue8m0_value(byte), scale);
    EXPECT_EQ(codes, want);
  }
}

// Against the definition in double: nearest value, scale by std::log2 away from its edges.
TEST(Quantize, PartialTiles) {
  constexpr int64_t kRows = 131, kCols = 150;
  std::vector<float> x(kRows * kCols);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] =
        static_cast<float>((uniform({.seed = 5}, i) - 0.5) * std::exp2(static_cast<double>(i % 7)));
  std::vector<uint8_t> codes(x.size()), scales(4);
  quantize_e4m3(x.data(), kCols, kFp8WeightTile, 0, 128, codes.data(), scales.data());
  quantize_e4m3(x.data(), kCols, kFp8WeightTile, 128, kRows, codes.data(), scales.data());
  std::vector<float> values(x.size());
  dequantize_e4m3(codes.data(), scales.data(), kCols, kFp8WeightTile, 0, kRows, values.data());
  for (int64_t tr = 0; tr < 2; ++tr)
    for (int64_t tc = 0; tc < 2; ++tc) {
      double amax = 0;
      const auto each = [&](const auto& f) {
        for (int64_t r = tr * 128; r < std::min<int64_t>(kRows, tr * 128 + 128); ++r)
          for (int64_t c = tc * 128; c < std::min<int64_t>(kCols, tc * 128 + 128); ++c)
            f(static_cast<size_t>(r * kCols + c));
      };
      each([&](size_t i) { amax = std::max(amax, std::abs(static_cast<double>(x[i]))); });
      const double scale = std::exp2(std::ceil(std::log2(amax / 448)));
      EXPECT_EQ(ue8m0_value(scales[static_cast<size_t>(tr * 2 + tc)]), scale);
      each([&](size_t i) {
        double best = 1e30;
        for (int byte = 0; byte < 256; ++byte) {
          const double v = e4m3_value(static_cast<uint8_t>(byte)) * scale;
          if (std::abs(v - x[i]) < std::abs(best - x[i])) best = v;
        }
        ASSERT_EQ(values[i], best) << x[i];
      });
    }
}

TEST(Quantize, OddRowsAndWhatIsNotFinite) {
  std::vector<float> x(35, 1.0f), y(35);
  x[3] = std::numeric_limits<float>::quiet_NaN();
  x[33] = 0.3f;
  fake_quantize_e2m1(x.data(), 35, y.data());
  EXPECT_TRUE(std::isnan(y[3]));  // its block stays as it was
  EXPECT_EQ(y[0], 1.0f);
  EXPECT_EQ(y[33], 0.25f);  // scale 1/4: 1.2 becomes 1
  x[33] = -std::numeric_limits<float>::infinity();
  fake_quantize_e4m3(x.data(), 35, 128, y.data());
  EXPECT_EQ(y[33], x[33]);
}

TEST(Quantize, Bf16) {
  EXPECT_EQ(round_to_bf16(1.0f), 1.0f);
  EXPECT_EQ(round_to_bf16(0x1.01p0f), 1.0f);  // a tie: to even
  EXPECT_EQ(round_to_bf16(0x1.03p0f), 0x1.04p0f);
  EXPECT_EQ(round_to_bf16(0x1.0102p0f), 0x1.02p0f);
  EXPECT_EQ(round_to_bf16(-0.0f), 0.0f);
  EXPECT_TRUE(std::isinf(round_to_bf16(std::numeric_limits<float>::max())));
  EXPECT_TRUE(std::isnan(round_to_bf16(std::nanf("1"))));
}

TEST(Hadamard, HandComputedAndItsOwnInverse) {
  ThreadPool pool(1);
  std::vector<float> x = {1, 2, 3, 4, 0, 0, 1, 0};
  const std::vector<float> was = x;
  hadamard(pool, x.data(), 2, 4);
  EXPECT_EQ(x, (std::vector<float>{5, -1, -2, 0, 0.5f, 0.5f, -0.5f, -0.5f}));
  hadamard(pool, x.data(), 2, 4);
  EXPECT_EQ(x, was);
}

}  // namespace
}  // namespace amalgam::kernels
