#include "kernels/quantize/fp4_to_fp8.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/device/rng.h"
#include "kernels/quantize/quantize.h"

namespace amalgam::kernels {
namespace {

struct Fp4 {
  int64_t rows, cols;
  std::vector<uint8_t> codes, scales;
  Fp4(int64_t r, int64_t c, uint8_t scale)
      : rows(r),
        cols(c),
        codes(static_cast<size_t>(r * c / 2)),
        scales(static_cast<size_t>(r * num_tiles(c, 32)), scale) {
    for (size_t i = 0; i < codes.size(); ++i)
      codes[i] = static_cast<uint8_t>(256 * uniform({.seed = 7}, i));
  }
  uint8_t& scale_at(int64_t row, int64_t col) {
    return scales[static_cast<size_t>(row * num_tiles(cols, 32) + col / 32)];
  }
};

struct Converted {
  std::vector<float> before, after;
  std::vector<uint8_t> scales;
  std::vector<RatioTile> tiles;
};

Converted convert(const Fp4& w) {
  Converted c;
  const auto n = static_cast<size_t>(w.rows * w.cols);
  c.before.resize(n), c.after.resize(n);
  std::vector<uint8_t> codes(n);
  c.scales.resize(static_cast<size_t>(num_tiles(w.rows, 128) * num_tiles(w.cols, 128)));
  fp4_to_fp8(w.codes.data(), w.scales.data(), w.cols, 0, w.rows, codes.data(), c.scales.data(),
             &c.tiles);
  dequantize_e2m1(w.codes.data(), w.scales.data(), w.cols, 0, w.rows, c.before.data());
  dequantize_e4m3(codes.data(), c.scales.data(), w.cols, kFp8WeightTile, 0, w.rows, c.after.data());
  return c;
}

TEST(Fp4ToFp8, LosslessUpToTheRatio) {
  Fp4 w(131, 150, 120);  // partial tiles in both directions
  w.scale_at(5, 40) = 131;
  const Converted c = convert(w);
  EXPECT_EQ(c.before, c.after);
  EXPECT_TRUE(c.tiles.empty());
  EXPECT_EQ(c.scales, (std::vector<uint8_t>{125, 114, 114, 114}));  // largest / 2^6
}

TEST(Fp4ToFp8, NamesTheTilesAboveTheRatio) {
  Fp4 w(131, 150, 120);
  w.scale_at(130, 140) = 132;  // 2^12 above the others of the last tile
  const Converted c = convert(w);
  ASSERT_EQ(c.tiles.size(), 1u);
  EXPECT_EQ(c.tiles[0].row, 1);
  EXPECT_EQ(c.tiles[0].col, 1);
  EXPECT_EQ(c.tiles[0].ratio_log2, 12);
  // Far apart, small values are rounded away: it is a loss that was reported.
  w.scale_at(130, 140) = 150;
  const Converted far = convert(w);
  EXPECT_NE(far.before, far.after);
  EXPECT_EQ(far.tiles.size(), 1u);
}

TEST(Fp4ToFp8, BlocksOfZerosDoNotCount) {
  Fp4 w(128, 128, 120);
  for (const auto& [row, scale] : {std::pair(3, 1), std::pair(9, 200)}) {
    w.scale_at(row, 32) = static_cast<uint8_t>(scale);
    for (int64_t c = 32; c < 64; c += 2)
      w.codes[static_cast<size_t>((row * 128 + c) / 2)] = 0x80;  // 0 and -0
  }
  const Converted c = convert(w);
  EXPECT_TRUE(c.tiles.empty());
  EXPECT_EQ(c.before, c.after);
  EXPECT_EQ(c.scales[0], 114);
}

}  // namespace
}  // namespace amalgam::kernels
