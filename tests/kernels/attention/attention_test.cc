#include "kernels/attention/attention.h"

#include "tests/kernels/attention/attention_case.h"

namespace amalgam::kernels {
namespace {

// Heads that do and do not divide the tile's 16 lanes, ragged channels, lengths around the tile.
const AttentionShape kShapes[] = {
    {.heads = 1, .channels = 1, .window = 1, .lengths = {1, 2, 15, 16, 17}},
    {.heads = 1, .channels = 7, .window = 5, .rate = 3, .lengths = {37, 2, 3}},
    {.heads = 2, .channels = 8, .window = 4, .rate = 4, .topk = 3, .lengths = {33, 1, 19}},
    {.heads = 3, .channels = 22, .window = 8, .rate = 4, .topk = 2, .lengths = {23, 16}},
    {.heads = 4, .channels = 33, .window = 100, .rate = 7, .lengths = {29}},
    {.heads = 16, .channels = 16, .window = 3, .rate = 2, .lengths = {5, 4}},
    {.heads = 17, .channels = 15, .window = 4, .rate = 2, .topk = 1, .lengths = {6}},
    {.heads = 40, .channels = 9, .window = 2, .lengths = {4}},
};

TEST(AttentionTest, HandCase) {
  // One channel, one head, two tokens: scores q·k, sink score 0.
  const float q[] = {0, std::log(2.0f)}, kv[] = {1, 2}, sink[] = {0};
  const AttentionSequence s{.num_rows = 2, .window = {.now = kv, .width = 1}};
  AttentionOp op{.heads = 1, .head_dim = 1, .window = 2, .sink = sink, .sequences = {&s, 1}};
  float o[2], stats[4];
  ThreadPool pool(1);
  attention(pool, op, q, o, stats, nullptr);
  // Token 0: weights (1), sink 1. Token 1: 2, 4, sink 1.
  EXPECT_NEAR(o[0], 0.5, 1e-6);
  EXPECT_NEAR(o[1], (2 * 1 + 4 * 2) / 7.0, 1e-6);
  EXPECT_NEAR(stats[2], 2 * std::log(2.0), 1e-6);
  EXPECT_NEAR(stats[3], 7.0 / 4, 1e-6);
}

TEST(AttentionTest, WindowEdges) {
  // Equal scores, no weight on the sink: o is the mean of the visible keys, here their positions.
  std::vector<float> q(40), kv(40), sink = {-1000};
  for (size_t i = 0; i < 40; ++i) kv[i] = static_cast<float>(i);
  const AttentionSequence s{.num_rows = 40, .window = {.now = kv.data(), .width = 1}};
  ThreadPool pool(1);
  for (const int64_t w : {1, 2, 15, 16, 17, 39, 40, 128}) {
    std::vector<float> o(40);
    attention(pool,
              {.heads = 1, .head_dim = 1, .window = w, .sink = sink.data(), .sequences = {&s, 1}},
              q.data(), o.data(), nullptr, nullptr);
    for (int64_t t = 0; t < 40; ++t) {
      const double first = static_cast<double>(std::max<int64_t>(0, t - w + 1));
      EXPECT_NEAR(o[t], (first + static_cast<double>(t)) / 2, 1e-4) << w << " " << t;
    }
  }
}

TEST(AttentionTest, EntriesAppearWhenTheirLastTokenIsThere) {
  // Window keys are 0, entry e is 10^e: o · (number of keys) spells the visible entries.
  const std::vector<float> q(20), kv(20), entries = {1, 10, 100, 1000, 10000}, sink = {-1000};
  const AttentionSequence s{
      .num_rows = 20, .window = {.now = kv.data(), .width = 1}, .entries = entries.data()};
  std::vector<float> o(20);
  ThreadPool pool(1);
  attention(pool,
            {.heads = 1,
             .head_dim = 1,
             .window = 1,
             .compress_rate = 4,
             .sink = sink.data(),
             .sequences = {&s, 1}},
            q.data(), o.data(), nullptr, nullptr);
  const double sums[] = {0, 1, 11, 111, 1111, 11111};
  for (int64_t t = 0; t < 20; ++t) {
    const int64_t visible = (t + 1) / 4;
    EXPECT_NEAR(o[t] * static_cast<double>(1 + visible), sums[visible], 1e-2) << t;
  }
}

TEST(AttentionTest, SinkAboveAllScores) {
  ThreadPool pool(1);
  AttentionCase k({.heads = 2, .channels = 5, .rate = 2, .lengths = {9}});
  for (const float sink : {60.0f, 200.0f, 1e6f}) {
    std::fill(k.sink.begin(), k.sink.end(), sink);
    const auto r = k.run(pool);
    for (const float x : r.all()) ASSERT_TRUE(std::isfinite(x));
    for (const float x : r.o) EXPECT_LT(std::abs(x), 1e-15);
    for (size_t i = 0; i < r.stats.size(); i += 2) {  // (maximum, denominator)
      EXPECT_EQ(r.stats[i], sink);
      EXPECT_NEAR(r.stats[i + 1], 1, 1e-6);
    }
  }
  // Scores far above any sink and above exp's range.
  AttentionCase high({.heads = 2, .channels = 5, .rate = 2, .lengths = {9}}, 40);
  const auto r = high.run(pool);
  for (const float x : r.all()) ASSERT_TRUE(std::isfinite(x));
  EXPECT_LT(relative_error(high.oracle(to_double(high.q), to_double(high.kv),
                                       to_double(high.entries), to_double(high.sink)),
                           r.o),
            1e-3);
}

TEST(AttentionTest, CloseToDouble) {
  ThreadPool pool(1);
  for (const AttentionShape& shape : kShapes) {
    const AttentionCase k(shape);
    const auto r = k.run(pool);
    std::vector<double> mass;
    const auto o =
        k.oracle(to_double(k.q), to_double(k.kv), to_double(k.entries), to_double(k.sink), &mass);
    EXPECT_LT(relative_error(o, r.o), 2e-6) << shape.heads;
    if (!shape.topk) continue;
    for (int64_t t = 0; t < k.T; ++t)
      for (int64_t i = 0; i < k.num_selected[t]; ++i)
        EXPECT_NEAR(r.mass[t * shape.topk + i], mass[t * shape.topk + i], 1e-5);
  }
}

TEST(AttentionTest, FiniteDifferences) {
  ThreadPool pool(1);
  for (const AttentionShape& shape : kShapes) {
    const AttentionCase k(shape);
    const auto r = k.run(pool);
    const auto q = to_double(k.q), kv = to_double(k.kv), e = to_double(k.entries),
               s = to_double(k.sink);
    EXPECT_LT(
        gradient_error(kv, r.dkv, [&](const auto& v) { return dot(k.oracle(q, v, e, s), k.d_o); }),
        5e-6)
        << shape.heads;
    EXPECT_LT(gradient_error(s, r.dsink,
                             [&](const auto& v) { return dot(k.oracle(q, kv, e, v), k.d_o); }),
              5e-6)
        << shape.heads;
    if (shape.rate) {
      EXPECT_LT(gradient_error(e, r.dentries,
                               [&](const auto& v) { return dot(k.oracle(q, kv, v, s), k.d_o); }),
                5e-6)
          << shape.heads;
    }
    if (q.size() > 1500) continue;
    EXPECT_LT(
        gradient_error(q, r.dq, [&](const auto& v) { return dot(k.oracle(v, kv, e, s), k.d_o); }),
        5e-6)
        << shape.heads;
  }
}

TEST(AttentionTest, GradientsAccumulateWhereTheHeaderSaysSo) {
  ThreadPool pool(1);
  Arena arena;
  const AttentionCase k(kShapes[2]);
  const auto fresh = k.run(pool);
  std::vector<float> dq(k.q.size(), 9), dkv(k.kv.size(), 1), de(k.entries.size(), 2), ds(2, 3);
  attention_backward(pool, arena, k.op(), k.q.data(), fresh.stats.data(), k.d_o.data(), dq.data(),
                     dkv.data(), de.data(), ds.data());
  EXPECT_TRUE(same_bits(dq, fresh.dq));
  for (size_t i = 0; i < dkv.size(); ++i) EXPECT_NEAR(dkv[i], 1 + fresh.dkv[i], 1e-5);
  for (size_t i = 0; i < de.size(); ++i) EXPECT_NEAR(de[i], 2 + fresh.dentries[i], 1e-5);
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(ds[i], 3 + fresh.dsink[i], 1e-5);
}

TEST(AttentionTest, SequencesAloneGiveTheSameBits) {
  ThreadPool pool(1);
  for (const AttentionShape& shape : kShapes) {
    const AttentionCase k(shape);
    const auto all = k.run(pool);
    const int64_t width = shape.heads * shape.channels;
    for (size_t i = 0; i < k.sequences.size(); ++i) {
      AttentionOp op = k.op();
      const AttentionSequence s = k.bound[i];
      op.sequences = {&s, 1};
      std::vector<float> o(all.o.size(), -5);
      attention(pool, op, k.q.data(), o.data(), nullptr, nullptr);
      EXPECT_TRUE(same_bits(slice(o, s.row * width, s.num_rows * width),
                            slice(all.o, s.row * width, s.num_rows * width)));
      for (int64_t r = 0; r < k.T * width; ++r)
        if (r < s.row * width || r >= (s.row + s.num_rows) * width) {
          ASSERT_EQ(o[r], -5) << "a foreign row was written";
        }
    }
  }
}

// Prefill in chunks: the rows of earlier chunks come from a ring of `window` rows, however the
// chunks fall on the tiles.
TEST(AttentionTest, ChunksThroughTheRingGiveTheSameBits) {
  ThreadPool pool(2);
  for (AttentionShape shape : kShapes) {
    shape.lengths = {61};
    const AttentionCase k(shape);
    const auto all = k.run(pool);
    const int64_t H = shape.heads, C = shape.channels, w = shape.window;
    for (const int64_t chunk : {1, 3, 16, 60}) {
      std::vector<float> o(all.o.size()), mass(all.mass.size()), ring(w * C, NAN);
      for (int64_t first = 0; first < 61; first += chunk) {
        const int64_t rows = std::min<int64_t>(chunk, 61 - first);
        AttentionOp op = k.op();
        AttentionSequence s = k.bound[0];
        s.num_rows = rows;
        s.position = first;
        s.window = {.now = k.kv.data() + first * C,
                    .first = first,
                    .ring = ring.data(),
                    .ring_rows = w,
                    .width = C};
        op.sequences = {&s, 1};
        if (shape.topk) {
          op.selected += first * shape.topk;
          op.num_selected += first;
        }
        attention(pool, op, k.q.data() + first * H * C, o.data() + first * H * C, nullptr,
                  shape.topk ? mass.data() + first * shape.topk : nullptr);
        for (int64_t p = first; p < first + rows; ++p)
          std::copy_n(k.kv.data() + p * C, C, ring.data() + p % w * C);
      }
      EXPECT_TRUE(same_bits(o, all.o)) << H << " heads, chunks of " << chunk;
      EXPECT_TRUE(same_bits(mass, all.mass)) << H << " heads, chunks of " << chunk;
    }
  }
}

TEST(AttentionTest, SameBitsOnAnyNumberOfThreads) {
  for (const AttentionShape& shape : kShapes) {
    const AttentionCase k(shape);
    expect_same_bits_everywhere([&](ThreadPool& pool) { return k.run(pool).all(); });
  }
}

}  // namespace
}  // namespace amalgam::kernels
