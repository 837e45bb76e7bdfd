#include "kernels/head/top_k.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "tests/kernels/head/head_case.h"

namespace amalgam::kernels {
namespace {

std::vector<int32_t> largest(const std::vector<float>& z, int64_t k) {
  std::vector<int32_t> ids(static_cast<size_t>(k));
  top_k(z.data(), static_cast<int64_t>(z.size()), k, ids.data());
  return ids;
}

TEST(TopKTest, InTheOrderOfTheirLogits) {
  EXPECT_EQ(largest({1, 5, -2, 4, 3}, 3), (std::vector<int32_t>{1, 3, 4}));
  EXPECT_EQ(largest({1, 5, -2, 4, 3}, 5), (std::vector<int32_t>{1, 3, 4, 0, 2}));
}

TEST(TopKTest, TiesByTheLowestId) {
  EXPECT_EQ(largest({0, 7, 7, 0, 7, 7, 0}, 3), (std::vector<int32_t>{1, 2, 4}));
  EXPECT_EQ(largest({3, 3, 3, 3}, 2), (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(largest({2, 9, 2, 9, 2}, 4), (std::vector<int32_t>{1, 3, 0, 2}));
}

TEST(TopKTest, AsAStableSort) {
  for (const int64_t n : {1, 16, 17, 301}) {
    std::vector<float> z = random_floats(n, 5);
    for (float& x : z) x = std::round(x * 20) / 20;  // many are equal
    std::vector<int32_t> want(z.size());
    std::iota(want.begin(), want.end(), 0);
    std::stable_sort(want.begin(), want.end(), [&](int32_t a, int32_t b) {
      return z[static_cast<size_t>(a)] > z[static_cast<size_t>(b)];
    });
    for (const int64_t k : {int64_t{1}, n / 2, n - 1, n})
      if (k > 0) {
        EXPECT_EQ(largest(z, k), std::vector<int32_t>(want.begin(), want.begin() + k));
      }
  }
}

TEST(TopKTest, ANumberThatIsNoneIsNotPassedOver) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(largest({1, 2, 3, kNan, 4}, 2), (std::vector<int32_t>{3, 4}));
  EXPECT_EQ(largest({kNan, 2, 3}, 1), (std::vector<int32_t>{0}));
}

}  // namespace
}  // namespace amalgam::kernels
