#include "kernels/hyper_connection/stream_add.h"

#include "tests/kernels/kernel_case.h"

namespace amalgam::kernels {
namespace {

TEST(StreamAddTest, HandCase) {
  const float y[] = {1, 2, 10, 20};                 // [2, 2]
  float X[] = {5, 6, 7, 8, 0.5f, 0.25f, -10, -20};  // [2, 2·2]
  ThreadPool pool(1);
  stream_add(pool, {.tokens = 2, .streams = 2, .hidden = 2}, y, X);
  const float want[] = {6, 8, 8, 10, 10.5f, 20.25f, 0, 0};
  for (int i = 0; i < 8; ++i) EXPECT_EQ(X[i], want[i]);
}

TEST(StreamAddTest, BackwardAddsTheSumOverStreams) {
  const float dX[] = {1, 2, 10, 20, 100, 200, 3, 4, 30, 40, 300, 400};  // [2, 3·2]
  float dy[] = {0.5f, 0, 0, 7};
  ThreadPool pool(1);
  stream_add_backward(pool, {.tokens = 2, .streams = 3, .hidden = 2}, dX, dy);
  const float want[] = {111.5f, 222, 333, 451};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(dy[i], want[i]);
}

TEST(StreamAddTest, SameBitsOnAnyNumberOfThreads) {
  const StreamAdd op{.tokens = 131, .streams = 4, .hidden = 29};
  const auto y = random_floats(131 * 29, 1), dX = random_floats(131 * 4 * 29, 2);
  expect_same_bits_everywhere([&](ThreadPool& pool) {
    auto X = dX, dy = y;
    stream_add(pool, op, y.data(), X.data());
    stream_add_backward(pool, op, dX.data(), dy.data());
    append(&X, dy);
    return X;
  });
}

}  // namespace
}  // namespace amalgam::kernels
