#include "kernels/head/embedding.h"

#include "tests/kernels/kernel_case.h"

namespace amalgam::kernels {
namespace {

TEST(EmbeddingTest, HandCase) {
  const float table[] = {1, 2, 3, 4, 5, 6};  // [3, 2]
  const int32_t ids[] = {2, 0};
  float X[8];
  ThreadPool pool(1);
  embed(pool, {.tokens = 2, .streams = 2, .hidden = 2, .ids = ids}, table, X);
  const float want[] = {5, 6, 5, 6, 1, 2, 1, 2};
  for (int i = 0; i < 8; ++i) EXPECT_EQ(X[i], want[i]);
}

TEST(EmbeddingTest, BackwardSumsStreamsAndOccurrences) {
  const int32_t ids[] = {1, 0, 1};
  const float dX[] = {1, 2, 10, 20, 100, 200, 1000, 2000, 3, 4, 30, 40};  // [3, 2·2]
  float dtable[] = {0.5f, 0, 0, 0, 7, 7};
  ThreadPool pool(1);
  embed_backward(pool, {.tokens = 3, .streams = 2, .hidden = 2, .ids = ids}, dX, dtable);
  const float want[] = {1100.5f, 2200, 44, 66, 7, 7};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(dtable[i], want[i]);
}

TEST(EmbeddingTest, SameBitsOnAnyNumberOfThreads) {
  constexpr int64_t T = 300, D = 97, V = 11;
  std::vector<int32_t> ids;
  for (int64_t t = 0; t < T; ++t) ids.push_back(static_cast<int32_t>(t * t % V));
  const Embedding op{.tokens = T, .streams = 3, .hidden = D, .ids = ids.data()};
  const auto table = random_floats(V * D, 1), dX = random_floats(T * 3 * D, 2);
  expect_same_bits_everywhere([&](ThreadPool& pool) {
    std::vector<float> X(T * 3 * D), dtable(V * D);
    embed(pool, op, table.data(), X.data());
    embed_backward(pool, op, dX.data(), dtable.data());
    append(&X, dtable);
    return X;
  });
}

}  // namespace
}  // namespace amalgam::kernels
