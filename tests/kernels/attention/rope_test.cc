#include "kernels/attention/rope.h"

#include "tests/kernels/kernel_case.h"

namespace amalgam::kernels {
namespace {

TEST(RopeTest, HandCase) {
  // dims 4, theta 10000: frequencies 1 and 0.01. The first two of six channels stay.
  RopeTable table(4, 10000, {});
  table.reserve(4);
  ThreadPool pool(1);
  const int32_t position = 3;
  std::vector<float> x = {9, 8, 1, 2, 3, 4};
  rope(pool, table, Rotate::kForward, &position, 1, x.data(), 1, 6);
  EXPECT_EQ(x[0], 9);
  EXPECT_EQ(x[1], 8);
  EXPECT_NEAR(x[2], std::cos(3.0) - 2 * std::sin(3.0), 1e-6);
  EXPECT_NEAR(x[3], std::sin(3.0) + 2 * std::cos(3.0), 1e-6);
  EXPECT_NEAR(x[4], 3 * std::cos(0.03) - 4 * std::sin(0.03), 1e-6);
  EXPECT_NEAR(x[5], 3 * std::sin(0.03) + 4 * std::cos(0.03), 1e-6);
}

TEST(RopeTest, InverseUndoesForward) {
  RopeTable table(6, 500, {});
  table.reserve(50);
  ThreadPool pool(1);
  const int32_t position = 41;
  const auto x = random_floats(22, 1);
  auto y = x;
  rope(pool, table, Rotate::kForward, &position, 1, y.data(), 1, 22);
  EXPECT_GT(relative_error(to_double(x), y), 0.1);
  rope(pool, table, Rotate::kInverse, &position, 1, y.data(), 1, 22);
  EXPECT_LT(relative_error(to_double(x), y), 1e-6);
}

// Heads of one token share its position.
TEST(RopeTest, RowsPerPosition) {
  RopeTable table(2, 10000, {});
  table.reserve(8);
  ThreadPool pool(1);
  const int32_t positions[] = {5, 2};
  std::vector<float> x = {1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0};
  rope(pool, table, Rotate::kForward, positions, 3, x.data(), 6, 2);
  for (int64_t r = 0; r < 6; ++r)
    EXPECT_NEAR(x[static_cast<size_t>(2 * r)], std::cos(r < 3 ? 5.0 : 2.0), 1e-6);
}

TEST(RopeTest, WithoutScalingTheFrequenciesAreGeometric) {
  const RopeTable table(22, 160000, {});
  ASSERT_EQ(table.frequencies().size(), 11u);
  for (size_t i = 0; i < 11; ++i)
    EXPECT_NEAR(table.frequencies()[i] * std::pow(160000.0, static_cast<double>(2 * i) / 22), 1,
                1e-13);
}

// V4's own numbers: 64 dims, theta 160000, 65536 positions, beta 32 and 1. The ramp runs from
// floor(15.45) = 15 to ceil(24.71) = 25, by hand from 64·ln(65536/(2πβ)) / (2 ln 160000).
TEST(RopeTest, YarnEndPoints) {
  const RopeTable plain(64, 160000, {});
  const RopeTable table(64, 160000, {16, 65536, 32, 1});
  const auto ratio = [&](size_t i) { return table.frequencies()[i] / plain.frequencies()[i]; };
  for (const size_t i : {0, 1, 14, 15}) EXPECT_DOUBLE_EQ(ratio(i), 1);
  for (const size_t i : {25, 26, 31}) EXPECT_DOUBLE_EQ(ratio(i), 1.0 / 16);
  EXPECT_NEAR(ratio(16), 0.9 + 0.1 / 16, 1e-12);
  EXPECT_NEAR(ratio(20), 0.5 + 0.5 / 16, 1e-12);
  EXPECT_NEAR(ratio(24), 0.1 + 0.9 / 16, 1e-12);
}

// Few dims: the range is clamped to [0, dims - 1], and one of width 0 is widened, not divided by.
TEST(RopeTest, YarnRangeIsClamped) {
  // Correction of beta 1 is ceil(4·ln(1e9/2π)/(2·ln 100)) = 9, clamped to 3; of beta 1e9 below 0.
  const RopeTable table(4, 100, {4, 1e9, 1e9, 1});
  EXPECT_DOUBLE_EQ(table.frequencies()[0], 1);
  EXPECT_NEAR(table.frequencies()[1], 0.1 * (2.0 / 3 + 1.0 / 3 / 4), 1e-15);
  const RopeTable narrow(4, 100, {4, 6, 1, 1});  // ln(6/2π) < 0: low 0, high 0
  EXPECT_DOUBLE_EQ(narrow.frequencies()[0], 1);
  EXPECT_DOUBLE_EQ(narrow.frequencies()[1], 0.1 / 4);
}

// An f32 angle of 10^6 is off by up to 0.03.
TEST(RopeTest, LongPositions) {
  RopeTable table(4, 37, {});
  constexpr int64_t kPosition = 600'011;
  table.reserve(kPosition + 1);
  const float* row = table.at(kPosition);
  for (int64_t i = 0; i < 2; ++i) {
    const double angle = static_cast<double>(kPosition) * std::pow(37.0, -0.5 * i);
    EXPECT_NEAR(row[i], std::cos(angle), 1e-7);
    EXPECT_NEAR(row[2 + i], std::sin(angle), 1e-7);
  }
}

TEST(RopeTest, ReserveKeepsWhatIsThere) {
  RopeTable grown(6, 100, {}), whole(6, 100, {});
  grown.reserve(3);
  EXPECT_EQ(grown.positions(), 3);
  grown.reserve(2);
  EXPECT_EQ(grown.positions(), 3);
  grown.reserve(40);
  whole.reserve(40);
  for (int64_t p = 0; p < 40; ++p)
    for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(grown.at(p)[i], whole.at(p)[i]);
}

TEST(RopeTest, SameBitsOnAnyNumberOfThreads) {
  RopeTable table(10, 10000, {});
  table.reserve(1100);
  std::vector<int32_t> positions(1031);
  for (size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<int32_t>(i * 7 % 1100);
  const auto x = random_floats(1031 * 22, 2);
  expect_same_bits_everywhere([&](ThreadPool& pool) {
    auto y = x;
    rope(pool, table, Rotate::kForward, positions.data(), 1, y.data(), 1031, 22);
    return y;
  });
}

}  // namespace
}  // namespace amalgam::kernels
