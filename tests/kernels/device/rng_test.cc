#include "kernels/device/rng.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace amalgam::kernels {
namespace {

using Block = std::array<uint32_t, 4>;

// Known answers of Philox4x32-10 from the Random123 library (kat_vectors).
TEST(RngTest, KnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  // Digits of pi.
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RngTest, EveryBitOfTheKeyCounts) {
  std::set<Block> seen{random_bits({}, 0)};
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t x = uint64_t{1} << bit;
    for (const RngKey& key : {RngKey{.seed = x}, RngKey{.stream = x}, RngKey{.request = x}})
      EXPECT_TRUE(seen.insert(random_bits(key, 0)).second) << bit;
    EXPECT_TRUE(seen.insert(random_bits({}, x)).second) << bit;
  }
}

TEST(RngTest, UniformIsBelowOneAndEvenlySpread) {
  const RngKey key{.seed = 5, .stream = 2, .request = 9};
  constexpr int kDraws = 20000, kBins = 10;
  int bins[kBins] = {};
  for (int i = 0; i < kDraws; ++i) {
    const double u = uniform(key, static_cast<uint64_t>(i));
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    ++bins[static_cast<int>(u * kBins)];
  }
  // Five standard deviations of a binomial: sqrt(20000 · 0.1 · 0.9) = 42.
  for (const int n : bins) EXPECT_NEAR(n, kDraws / kBins, 212);
}

TEST(RngTest, UniformUsesTheUpperBits) {
  const RngKey key{.seed = 1};
  for (uint64_t i = 0; i < 50; ++i) {
    const auto r = random_bits(key, i);
    // The first word decides all but 2^-32 of the value.
    EXPECT_NEAR(uniform(key, i), r[0] * 0x1p-32, 0x1p-31);
    EXPECT_EQ(uniform_int(key, i, uint64_t{1} << 32), r[0]);
  }
}

TEST(RngTest, UniformIntCoversItsRange) {
  const RngKey key{.seed = 3};
  int counts[7] = {};
  for (uint64_t i = 0; i < 7000; ++i) {
    EXPECT_EQ(uniform_int(key, i, 1), 0u);
    const uint64_t x = uniform_int(key, i, 7);
    ASSERT_LT(x, 7u);
    ++counts[x];
  }
  for (const int n : counts) EXPECT_NEAR(n, 1000, 150);
}

}  // namespace
}  // namespace amalgam::kernels
