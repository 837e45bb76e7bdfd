#include "kernels/head/head_tiles.h"

#include <gtest/gtest.h>

#include "tests/kernels/head/head_case.h"

namespace amalgam::kernels {
namespace {

// Copies the rows that are asked for, so that what is kept past the next call is seen.
class CopiedRows : public StreamedHead {
 public:
  CopiedRows(const std::vector<float>& weight, int64_t dim, int64_t tile)
      : weight_(weight), dim_(dim), tile_(tile) {}
  int64_t tile_rows() const override { return tile_; }
  const float* rows(ThreadPool&, int64_t begin, int64_t end) override {
    EXPECT_EQ(begin % tile_, 0);
    EXPECT_LE(end - begin, tile_);
    rows_.assign(weight_.begin() + begin * dim_, weight_.begin() + end * dim_);
    return rows_.data();
  }

 private:
  const std::vector<float>& weight_;
  std::vector<float> rows_;
  int64_t dim_, tile_;
};

TEST(HeadTilesTest, AStreamedHeadHasTheBitsOfOneInMemory) {
  constexpr int64_t D = 19;
  ThreadPool pool(2);
  for (const int64_t V : {1, 15, 16, 17, 128, 131}) {
    const std::vector<float> weight = random_floats(V * D, 1);
    for (const int64_t n : {0, 1, 7}) {
      const std::vector<float> rows = random_floats(n * D, 2);
      for (const double temperature : {1.0, 0.7}) {
        std::vector<float> want(static_cast<size_t>(n * V));
        head_logits(pool, {weight.data(), V, D}, temperature, rows.data(), n, want.data());
        for (const int64_t tile : {1, 16, 100, 128, 1000}) {
          CopiedRows stream(weight, D, tile);
          std::vector<float> got(want.size(), 7.0f);
          head_logits(pool, {.vocabulary = V, .dim = D, .stream = &stream}, temperature,
                      rows.data(), n, got.data());
          EXPECT_TRUE(same_bits(want, got)) << V << " " << n << " " << tile;
        }
      }
    }
  }
}

}  // namespace
}  // namespace amalgam::kernels
