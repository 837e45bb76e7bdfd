#include "learner/step/packing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "kernels/device/rng.h"

namespace amalgam::learner {
namespace {

using Batches = std::vector<std::vector<int64_t>>;

TEST(PackingTest, KeepClosesABatchWhenTheNextIsTooLong) {
  const std::vector<int64_t> lengths{4, 4, 3, 9, 1, 12, 2, 8};
  EXPECT_EQ(pack_micro_batches(lengths, 10, PackOrder::kKeep),
            (Batches{{0, 1}, {2}, {3, 4}, {5}, {6, 7}}));
}

TEST(PackingTest, FirstFitDecreasing) {
  const std::vector<int64_t> lengths{4, 4, 3, 9, 1, 12, 2, 8};
  // 12 | 9 1 | 8 2 | 4 4 | 3: the 4s come in their own order, 3 fits nowhere before.
  EXPECT_EQ(pack_micro_batches(lengths, 10, PackOrder::kFirstFitDecreasing),
            (Batches{{5}, {3, 4}, {6, 7}, {0, 1}, {2}}));
}

TEST(PackingTest, EveryIndexOnceAndNoBatchTooLong) {
  EXPECT_TRUE(pack_micro_batches({}, 10, PackOrder::kKeep).empty());
  std::vector<int64_t> lengths(301);
  for (size_t i = 0; i < lengths.size(); ++i)
    lengths[i] = 1 + static_cast<int64_t>(kernels::uniform_int({.seed = 1}, i, 120));
  for (PackOrder order : {PackOrder::kKeep, PackOrder::kFirstFitDecreasing}) {
    std::vector<int64_t> seen;
    for (const auto& batch : pack_micro_batches(lengths, 100, order)) {
      EXPECT_FALSE(batch.empty());
      EXPECT_TRUE(std::is_sorted(batch.begin(), batch.end()));
      int64_t tokens = 0;
      for (int64_t i : batch) tokens += lengths[static_cast<size_t>(i)];
      EXPECT_TRUE(tokens <= 100 || batch.size() == 1) << tokens;
      seen.insert(seen.end(), batch.begin(), batch.end());
    }
    std::sort(seen.begin(), seen.end());
    ASSERT_EQ(seen.size(), lengths.size());
    for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], static_cast<int64_t>(i));
  }
}

TEST(ShuffleTest, APermutationOfSeedStreamAndEpoch) {
  const auto a = shuffled(100, 1, 2, 3);
  EXPECT_EQ(a, shuffled(100, 1, 2, 3));
  EXPECT_NE(a, shuffled(100, 2, 2, 3));
  EXPECT_NE(a, shuffled(100, 1, 3, 3));
  EXPECT_NE(a, shuffled(100, 1, 2, 4));
  auto sorted = a;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) EXPECT_EQ(sorted[i], static_cast<int64_t>(i));
  EXPECT_TRUE(shuffled(0, 1, 2, 3).empty());
  EXPECT_EQ(shuffled(1, 1, 2, 3), std::vector<int64_t>{0});
}

TEST(ShuffleTest, EveryOrderIsEquallyLikely) {
  std::map<std::vector<int64_t>, int> count;
  constexpr int kDraws = 24000;
  for (uint64_t epoch = 0; epoch < kDraws; ++epoch) ++count[shuffled(4, 5, 6, epoch)];
  ASSERT_EQ(count.size(), 24u);
  for (const auto& [order, n] : count) EXPECT_NEAR(n, kDraws / 24, 160);  // 5 standard deviations
}

}  // namespace
}  // namespace amalgam::learner
