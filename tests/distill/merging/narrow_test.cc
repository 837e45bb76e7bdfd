#include "distill/merging/narrow.h"

#include <gtest/gtest.h>

#include <cstring>

namespace amalgam::distill {
namespace {

uint16_t narrowed(double x, model::DType dtype) {
  uint16_t bits = 0;
  std::byte out[2];
  EXPECT_TRUE(narrow(&x, 1, dtype, out));
  std::memcpy(&bits, out, 2);
  return bits;
}

// A little beside the middle of two neighbours: f32 in between would make it the middle.
TEST(Narrow, RoundsOnce) {
  const double little = 0x1p-40;
  EXPECT_EQ(narrowed(1 + 0x1p-8, model::DType::kBF16), 0x3f80);  // a tie goes to even
  EXPECT_EQ(narrowed(1 + 0x1p-8 + little, model::DType::kBF16), 0x3f81);
  EXPECT_EQ(narrowed(1 + 0x3p-8 - little, model::DType::kBF16), 0x3f81);
  EXPECT_EQ(narrowed(-1 - 0x1p-8 - little, model::DType::kBF16), 0xbf81);
  EXPECT_EQ(narrowed(1 + 0x1p-11, model::DType::kF16), 0x3c00);
  EXPECT_EQ(narrowed(1 + 0x1p-11 + little, model::DType::kF16), 0x3c01);
  EXPECT_EQ(narrowed(1 + 0x3p-11 - little, model::DType::kF16), 0x3c01);
  EXPECT_EQ(narrowed(0x1p-25 + 0x1p-70, model::DType::kF16), 1);  // the least subnormal
  EXPECT_EQ(round_to_odd(0.25), 0.25f);
}

TEST(Narrow, WhatIsTooLargeDoesNotFit) {
  std::byte out[4];
  const auto fits = [&](double x, model::DType dtype) { return narrow(&x, 1, dtype, out); };
  EXPECT_TRUE(fits(65519.99, model::DType::kF16));
  EXPECT_FALSE(fits(65520, model::DType::kF16));
  EXPECT_TRUE(fits(3.389e38, model::DType::kBF16));
  EXPECT_FALSE(fits(3.4e38, model::DType::kBF16));
  EXPECT_TRUE(fits(3.4e38, model::DType::kF32));
  EXPECT_FALSE(fits(-3.5e38, model::DType::kF32));
  EXPECT_FALSE(fits(1e300, model::DType::kBF16));
}

}  // namespace
}  // namespace amalgam::distill
