// Blocks of a tensor: what is summed for each of them is small beside the tensor, in any unit.
#include <gtest/gtest.h>

#include <vector>

#include "distill/merging/merge_tensor.h"

namespace amalgam::distill {
namespace {

TEST(Blocks, AreAsManyAsAreCounted) {
  EXPECT_EQ(num_blocks(int64_t{1} << 29, 1), 1 << 14);
  kernels::ThreadPool pool(2);
  for (const int64_t unit : {int64_t{1}, int64_t{3}, int64_t{7168}, kBlockElements + 1})
    for (const int64_t units : {0, 1, 2, 30'000, 70'001}) {
      const int64_t n = std::min<int64_t>(units, 1'000'000 / unit) * unit;
      std::vector<int> size(static_cast<size_t>(num_blocks(n, unit)));
      for_blocks(pool, 0, n, unit, [&](const Block& b, int64_t) {
        size.at(static_cast<size_t>(b.index)) += static_cast<int>(b.size());
      });
      int64_t sum = 0;
      for (const int elements : size) {
        EXPECT_GT(elements, 0) << unit << " " << n;
        sum += elements;
      }
      EXPECT_EQ(sum, n) << unit;
    }
}

}  // namespace
}  // namespace amalgam::distill
