#include "learner/step/checksum.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "kernels/device/rng.h"

namespace amalgam::learner {
namespace {

std::vector<std::byte> random_bytes(size_t bytes) {
  std::vector<std::byte> data(bytes);
  for (size_t i = 0; i < bytes; ++i)
    data[i] = static_cast<std::byte>(kernels::uniform_int({.seed = 5}, i, 256));
  return data;
}

TEST(ChecksumTest, IsTheSameForAnyNumberOfThreads) {
  const auto data = random_bytes((3 << 20) + 640);
  kernels::ThreadPool one(1), four(4);
  EXPECT_EQ(checksum(one, data.data(), data.size()), checksum(four, data.data(), data.size()));
}

TEST(ChecksumTest, EveryBitAndEveryPlaceCounts) {
  kernels::ThreadPool pool(1);
  auto data = random_bytes(1024);
  const uint64_t whole = checksum(pool, data.data(), data.size());
  const auto flip = [&](size_t bit) { data[bit / 8] ^= static_cast<std::byte>(1 << bit % 8); };
  for (size_t bit = 0; bit < 8 * data.size(); ++bit) {
    flip(bit);
    EXPECT_NE(checksum(pool, data.data(), data.size()), whole) << "bit " << bit;
    // With the sign of another float of the same chain: alone, products keep the highest bit apart.
    const size_t other = (bit + 8 * 64) % (8 * data.size());
    flip(other);
    EXPECT_NE(checksum(pool, data.data(), data.size()), whole) << "bits " << bit << ", " << other;
    flip(other), flip(bit);
  }
  // Words, chains and pieces that changed places; the length.
  std::vector<std::byte> zeros(2 << 20);
  std::set<uint64_t> places;
  for (const size_t at : {size_t{0}, size_t{8}, size_t{64}, size_t{1} << 20}) {
    zeros[at] = std::byte{1};
    EXPECT_TRUE(places.insert(checksum(pool, zeros.data(), zeros.size())).second) << "at " << at;
    zeros[at] = std::byte{0};
  }
  for (const size_t bytes : {size_t{0}, size_t{64}, size_t{128}, size_t{2} << 20})
    EXPECT_TRUE(places.insert(checksum(pool, zeros.data(), bytes)).second) << bytes << " bytes";
}

}  // namespace
}  // namespace amalgam::learner
