#include "kernels/attention/compressor_pool.h"

#include "tests/kernels/kernel_case.h"

namespace amalgam::kernels {
namespace {

using Doubles = std::vector<double>;

// Whole sequences one after the other (as in training).
struct Case {
  Case(int64_t rate_, int64_t channels_, bool overlap_, std::vector<int64_t> lengths_)
      : rate(rate_), channels(channels_), overlap(overlap_), lengths(std::move(lengths_)) {
    for (const int64_t n : lengths) {
      sequences.push_back(
          {.kv = {}, .gate = {}, .num_entries = n / rate, .out_row = entries, .row = T});
      T += n;
      entries += n / rate;
    }
    kv = random_floats(T * width(), 1);
    gate = random_floats(T * width(), 2, 2);
    ape = random_floats(rate * width(), 3);
    dout = random_floats(entries * channels, 4);
  }
  int64_t width() const { return overlap ? 2 * channels : channels; }
  PoolOp op() const {
    bound = sequences;
    for (PoolSequence& s : bound) {
      s.kv = {.now = kv.data() + s.row * width(), .width = width()};
      s.gate = {.now = gate.data() + s.row * width(), .width = width()};
    }
    return {.rate = rate,
            .channels = channels,
            .overlap = overlap,
            .ape = ape.data(),
            .sequences = bound};
  }
  struct Result {
    std::vector<float> out, dkv, dgate, dape;
    std::vector<float> all() const {
      auto a = out;
      append(&a, dkv), append(&a, dgate), append(&a, dape);
      return a;
    }
  };
  Result run(ThreadPool& pool) const {
    Arena arena;
    Result r{std::vector<float>(dout.size()), std::vector<float>(kv.size()),
             std::vector<float>(gate.size()), std::vector<float>(ape.size())};
    compressor_pool(pool, op(), r.out.data());
    compressor_pool_backward(pool, arena, op(), dout.data(), r.dkv.data(), r.dgate.data(),
                             r.dape.data());
    return r;
  }
  // Channel by channel as MODEL.md §2.3 says it.
  Doubles oracle(const Doubles& kvd, const Doubles& gated, const Doubles& aped) const {
    Doubles out;
    for (const PoolSequence& s : sequences)
      for (int64_t e = 0; e < s.num_entries; ++e)
        for (int64_t c = 0; c < channels; ++c) {
          double sum = 0, weighted = 0;
          const auto add = [&](int64_t window, int64_t channel) {
            for (int64_t j = 0; j < rate; ++j) {
              const int64_t at = (s.row + window * rate + j) * width() + channel;
              const double w = std::exp(gated[at] + aped[j * width() + channel]);
              sum += w, weighted += w * kvd[at];
            }
          };
          if (overlap && e > 0) add(e - 1, c);
          add(e, overlap ? channels + c : c);
          out.push_back(weighted / sum);
        }
    return out;
  }

  int64_t rate, channels;
  bool overlap;
  std::vector<int64_t> lengths;
  int64_t T = 0, entries = 0;
  std::vector<PoolSequence> sequences;
  mutable std::vector<PoolSequence> bound;
  std::vector<float> kv, gate, ape, dout;
};

TEST(CompressorPoolTest, HandCase) {
  // Two windows of two tokens, one channel and an overlap one. ape is indexed by j mod m, for the
  // rows of the previous window too: log weights 0 and log 3 in the overlap channel, 0 and log 2 in
  // the own one.
  const float kv[] = {100, 1, 200, 2, 300, 3, 400, 4}, gate[8] = {};
  const float ape[] = {0, 0, std::log(3.0f), std::log(2.0f)};
  const PoolSequence s{
      .kv = {.now = kv, .width = 2}, .gate = {.now = gate, .width = 2}, .num_entries = 2};
  float out[2];
  ThreadPool pool(1);
  compressor_pool(
      pool, {.rate = 2, .channels = 1, .overlap = true, .ape = ape, .sequences = {&s, 1}}, out);
  EXPECT_NEAR(out[0], (1 * 1 + 2 * 2) / 3.0, 1e-5);
  EXPECT_NEAR(out[1], (1 * 100 + 3 * 200 + 1 * 3 + 2 * 4) / 7.0, 1e-4);
}

TEST(CompressorPoolTest, WithoutOverlap) {
  const float kv[] = {1, 2, 3, 5, 7, 9}, gate[6] = {}, ape[] = {0, 0, std::log(2.0f)};
  const PoolSequence s{
      .kv = {.now = kv, .width = 1}, .gate = {.now = gate, .width = 1}, .num_entries = 2};
  float out[2];
  ThreadPool pool(1);
  compressor_pool(pool, {.rate = 3, .channels = 1, .ape = ape, .sequences = {&s, 1}}, out);
  EXPECT_NEAR(out[0], (1 + 2 + 2 * 3) / 4.0, 1e-6);
  EXPECT_NEAR(out[1], (5 + 7 + 2 * 9) / 4.0, 1e-6);
}

// The previous window counts with its FIRST half, the own one with its LAST.
TEST(CompressorPoolTest, OverlapReadsFirstHalfOfPreviousWindow) {
  constexpr int64_t m = 3, c = 2;
  ThreadPool pool(1);
  Case k(m, c, true, {2 * m});
  const auto before = k.run(pool).out;
  const auto changes_entry_1 = [&](int64_t token, int64_t channel) {
    Case moved = k;
    moved.kv[token * 2 * c + channel] += 1;
    const auto out = moved.run(pool).out;
    return !same_bits(slice(out, c, c), slice(before, c, c));
  };
  for (int64_t token = 0; token < 2 * m; ++token)
    for (int64_t channel = 0; channel < 2 * c; ++channel)
      EXPECT_EQ(changes_entry_1(token, channel), (token < m) == (channel < c))
          << token << " " << channel;
}

TEST(CompressorPoolTest, CloseToDoubleAndFiniteDifferences) {
  ThreadPool pool(1);
  for (const bool overlap : {false, true}) {
    for (const int64_t channels : {1, 7, 8, 9, 16, 17, 22}) {
      for (const int64_t rate : {1, 3, 4, 7}) {
        const Case k(rate, channels, overlap, {4 * rate + rate / 2, 1, rate});
        const auto r = k.run(pool);
        const auto kv = to_double(k.kv), gate = to_double(k.gate), ape = to_double(k.ape);
        const auto where = ::testing::Message() << overlap << " " << channels << " " << rate;
        EXPECT_LT(relative_error(k.oracle(kv, gate, ape), r.out), 1e-6) << where;
        const auto loss = [&](const Doubles& a, const Doubles& b, const Doubles& c) {
          return dot(k.oracle(a, b, c), k.dout);
        };
        EXPECT_LT(gradient_error(kv, r.dkv, [&](const auto& v) { return loss(v, gate, ape); }),
                  2e-6)
            << where;
        if (rate == 1 && !overlap) {  // one row: the softmax is constant
          for (const float g : r.dgate) EXPECT_NEAR(g, 0, 1e-6);
          continue;
        }
        EXPECT_LT(gradient_error(gate, r.dgate, [&](const auto& v) { return loss(kv, v, ape); }),
                  2e-6)
            << where;
        EXPECT_LT(gradient_error(ape, r.dape, [&](const auto& v) { return loss(kv, gate, v); }),
                  2e-6)
            << where;
      }
    }
  }
}

// ape collects its gradient over blocks of 128 entries.
TEST(CompressorPoolTest, ManyEntries) {
  ThreadPool pool(2);
  for (const int64_t entries : {127, 128, 129, 257}) {
    const Case k(2, 3, true, {2 * entries + 1});
    const auto kv = to_double(k.kv), gate = to_double(k.gate);
    EXPECT_LT(gradient_error(to_double(k.ape), k.run(pool).dape,
                             [&](const auto& v) { return dot(k.oracle(kv, gate, v), k.dout); }),
              3e-6);
  }
}

TEST(CompressorPoolTest, TokensWithoutAnEntryGetNoGradient) {
  ThreadPool pool(1);
  const Case k(4, 3, true, {10});  // tokens 8 and 9 are in no entry
  const auto r = k.run(pool);
  for (int64_t i = 8 * 6; i < 10 * 6; ++i) {
    EXPECT_EQ(r.dkv[i], 0);
    EXPECT_EQ(r.dgate[i], 0);
  }
  // The overlap half of the last window waits for an entry that is not there.
  for (int64_t t = 4; t < 8; ++t)
    for (int64_t c = 0; c < 3; ++c) EXPECT_EQ(r.dkv[t * 6 + c], 0);
}

TEST(CompressorPoolTest, LargeGatesStayFinite) {
  ThreadPool pool(1);
  Case k(3, 5, true, {9});
  for (float& g : k.gate) g *= 500;
  for (const float x : k.run(pool).all()) ASSERT_TRUE(std::isfinite(x));
}

TEST(CompressorPoolTest, ChunksThroughTheRingGiveTheSameBits) {
  ThreadPool pool(2);
  for (const bool overlap : {false, true}) {
    for (const int64_t rate : {3, 4}) {
      constexpr int64_t kTokens = 41, kChannels = 9;
      const Case k(rate, kChannels, overlap, {kTokens});
      const auto whole = k.run(pool).out;
      const int64_t w = k.width(), ring_rows = overlap ? 2 * rate : rate;
      for (const int64_t chunk : {1, 2, 5, 17}) {
        std::vector<float> kv_ring(ring_rows * w, NAN), gate_ring(ring_rows * w, NAN), out;
        for (int64_t first = 0; first < kTokens; first += chunk) {
          const int64_t rows = std::min(chunk, kTokens - first), entry = first / rate;
          PoolOp op = k.op();
          const PoolSequence s{
              .kv = {k.kv.data() + first * w, first, kv_ring.data(), ring_rows, w},
              .gate = {k.gate.data() + first * w, first, gate_ring.data(), ring_rows, w},
              .first_entry = entry,
              .num_entries = (first + rows) / rate - entry};
          op.sequences = {&s, 1};
          std::vector<float> made(s.num_entries * kChannels);
          compressor_pool(pool, op, made.data());
          append(&out, made);
          for (int64_t p = first; p < first + rows; ++p) {
            std::copy_n(k.kv.data() + p * w, w, kv_ring.data() + p % ring_rows * w);
            std::copy_n(k.gate.data() + p * w, w, gate_ring.data() + p % ring_rows * w);
          }
        }
        EXPECT_TRUE(same_bits(out, whole)) << overlap << " " << rate << " " << chunk;
      }
    }
  }
}

TEST(CompressorPoolTest, SameBitsOnAnyNumberOfThreads) {
  for (const bool overlap : {false, true}) {
    const Case k(4, 22, overlap, {4000, 3, 1211});  // eleven blocks of entries
    expect_same_bits_everywhere([&](ThreadPool& pool) { return k.run(pool).all(); });
  }
}

}  // namespace
}  // namespace amalgam::kernels
