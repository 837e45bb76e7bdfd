// The kernels beside the matrix products that a training or decode step spends its time in, each
// next to what this core can do, measured in the same run. Sizes are those of a batch of
// tests/golden/sizes/small.json; one thread.
//
// of_ceiling = (the longer of: operations at the rate of a large matrix product, bytes at the rate
// of a copy of as much memory) / (time taken). Operations are multiplications and additions only,
// so where exponentials take the time the share is low. Bytes are the arrays', each read or written
// once (twice where it is added to).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/attention/indexer.h"
#include "kernels/device/rng.h"
#include "kernels/head/embedding.h"
#include "kernels/head/softmax.h"
#include "kernels/hyper_connection/hyper_connection.h"
#include "kernels/moe/router.h"
#include "kernels/moe/swiglu.h"
#include "kernels/norm/rms_norm.h"
#include "tests/bench/processor_time.h"

namespace amalgam::kernels {
namespace {

using bench::best_seconds, bench::processor_seconds;

constexpr int64_t kSequences = 4, kLength = 256, kTokens = kSequences * kLength;
constexpr int64_t kHidden = 512, kStreams = 4, kHeads = 8, kHeadDim = 64, kWindow = 64;
constexpr int64_t kRate = 4, kEntries = kLength / kRate;
constexpr int64_t kIndexHeads = 8, kIndexDim = 32, kIndexTopk = 16;  // fewer than the entries
constexpr int64_t kExperts = 16, kExpertsPerToken = 2, kExpertDim = 256, kVocabulary = 8192;

ThreadPool& pool() {
  static ThreadPool p(1);
  return p;
}

class Floats {  // random ones
 public:
  explicit Floats(int64_t n, uint64_t stream = 1) : x_(static_cast<size_t>(n)) {
    for (size_t i = 0; i < x_.size(); ++i)
      x_[i] = static_cast<float>(uniform({.stream = stream}, i) - 0.5);
  }
  float* data() { return x_.data(); }

 private:
  std::vector<float> x_;
};

double flops_per_second() {
  static const double rate = bench::gemm_flops_per_second(pool());
  return rate;
}

double bytes_per_second(double bytes) {
  const auto half = static_cast<size_t>(bytes / 2);
  std::vector<char> from(half, 1), to(half);
  return bytes / best_seconds(20, [&] {
           std::memcpy(to.data(), from.data(), half);
           benchmark::DoNotOptimize(to.data());
           benchmark::ClobberMemory();
         });
}

// Runs f until the time is known; `floats` is the number of 4-byte values that it reads or writes.
void measure(benchmark::State& state, double flops, int64_t floats,
             const std::function<void()>& f) {
  const double bytes = 4.0 * static_cast<double>(floats);
  const double ceiling = std::max(flops / flops_per_second(), bytes / bytes_per_second(bytes));
  const double begin = processor_seconds();
  for (auto _ : state) f();
  const double seconds = processor_seconds() - begin;
  const auto runs = static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = 1e-9 * flops * runs / seconds;
  state.counters["GB/s"] = 1e-9 * bytes * runs / seconds;
  state.counters["of_ceiling"] = ceiling * runs / seconds;
}

enum class Pass { kForward, kBackward };

void attention_case(benchmark::State& state, Pass pass) {
  constexpr int64_t kSize = kTokens * kHeads * kHeadDim, kKv = kTokens * kHeadDim;
  constexpr int64_t kEntrySize = kSequences * kEntries * kHeadDim;
  Floats q(kSize), kv(kKv, 2), entries(kEntrySize, 3), sink(kHeads), o(kSize), d_o(kSize, 4),
      dq(kSize), dkv(kKv), dentries(kEntrySize), dsink(kHeads), stats(kTokens * kHeads * 2);
  std::vector<AttentionSequence> sequences;
  for (int64_t s = 0; s < kSequences; ++s) {
    const float* now = kv.data() + s * kLength * kHeadDim;
    sequences.push_back({.row = s * kLength,
                         .num_rows = kLength,
                         .window = {.now = now, .width = kHeadDim},
                         .entries = entries.data() + s * kEntries * kHeadDim,
                         .entries_row = s * kEntries});
  }
  const AttentionOp op{.heads = kHeads,
                       .head_dim = kHeadDim,
                       .window = kWindow,
                       .compress_rate = kRate,
                       .sink = sink.data(),
                       .sequences = sequences};
  int64_t keys = 0;  // over the tokens
  for (int64_t t = 0; t < kLength; ++t)
    keys += kSequences * (std::min(t + 1, kWindow) + (t + 1) / kRate);
  const double pairs = static_cast<double>(keys * kHeads * kHeadDim);
  attention(pool(), op, q.data(), o.data(), stats.data(), nullptr);
  if (pass == Pass::kForward) {
    measure(state, 4 * pairs, 2 * kSize + kKv + kEntrySize,
            [&] { attention(pool(), op, q.data(), o.data(), stats.data(), nullptr); });
  } else {
    Arena scratch;
    measure(state, 10 * pairs, 3 * kSize + 3 * (kKv + kEntrySize), [&] {
      scratch.reset();
      attention_backward(pool(), scratch, op, q.data(), stats.data(), d_o.data(), dq.data(),
                         dkv.data(), dentries.data(), dsink.data());
    });
  }
}
BENCHMARK_CAPTURE(attention_case, forward, Pass::kForward);
BENCHMARK_CAPTURE(attention_case, backward, Pass::kBackward);

struct HyperConnectionCase {
  static constexpr int64_t kMixes = (2 + kStreams) * kStreams, kSize = kTokens * kHidden;
  Floats X{kStreams * kSize}, raw{kTokens * kMixes, 2}, y{kSize, 3}, x{kSize},
      out{kStreams * kSize}, dX{kStreams * kSize}, draw{kTokens * kMixes}, base{kMixes}, scale{3},
      dbase{kMixes}, dscale{3}, post{kTokens * kStreams}, comb{kTokens * kStreams * kStreams},
      dpost{kTokens * kStreams}, dcomb{kTokens * kStreams * kStreams};
  HyperConnection op{.tokens = kTokens,
                     .streams = kStreams,
                     .hidden = kHidden,
                     .base = base.data(),
                     .scale = scale.data()};
};

void hc_pre_case(benchmark::State& state, Pass pass) {
  HyperConnectionCase c;
  constexpr int64_t kSize = HyperConnectionCase::kSize;
  if (pass == Pass::kForward) {
    measure(state, 4.0 * kStreams * kSize, (kStreams + 1) * kSize, [&] {
      hc_pre(pool(), c.op, c.X.data(), c.raw.data(), c.x.data(), c.post.data(), c.comb.data());
    });
  } else {
    Arena scratch;
    measure(state, 8.0 * kStreams * kSize, (3 * kStreams + 1) * kSize, [&] {
      scratch.reset();
      hc_pre_backward(pool(), scratch, c.op, c.X.data(), c.raw.data(), c.y.data(), c.dpost.data(),
                      c.dcomb.data(), c.dX.data(), c.draw.data(), c.dbase.data(), c.dscale.data());
    });
  }
}
BENCHMARK_CAPTURE(hc_pre_case, forward, Pass::kForward);
BENCHMARK_CAPTURE(hc_pre_case, backward, Pass::kBackward);

void hc_post_case(benchmark::State& state, Pass pass) {
  HyperConnectionCase c;
  constexpr int64_t kSize = HyperConnectionCase::kSize;
  constexpr double kMixFlops = 2.0 * kStreams * (kStreams + 1) * kSize;
  if (pass == Pass::kForward) {
    measure(state, kMixFlops, (2 * kStreams + 1) * kSize, [&] {
      hc_post(pool(), c.op, c.y.data(), c.X.data(), c.post.data(), c.comb.data(), c.out.data());
    });
  } else {
    measure(state, 2 * kMixFlops, (4 * kStreams + 3) * kSize, [&] {
      hc_post_backward(pool(), c.op, c.y.data(), c.X.data(), c.post.data(), c.comb.data(),
                       c.out.data(), c.x.data(), c.dX.data(), c.dpost.data(), c.dcomb.data());
    });
  }
}
BENCHMARK_CAPTURE(hc_post_case, forward, Pass::kForward);
BENCHMARK_CAPTURE(hc_post_case, backward, Pass::kBackward);

void rms_norm_case(benchmark::State& state, Pass pass) {
  constexpr int64_t kSize = kTokens * kHidden;
  Floats x(kSize), y(kSize, 2), dx(kSize), weight(kHidden, 3), dweight(kHidden);
  const RmsNorm op{.rows = kTokens, .cols = kHidden, .weight = weight.data()};
  if (pass == Pass::kForward) {
    measure(state, 4.0 * kSize, 2 * kSize, [&] { rms_norm(pool(), op, x.data(), y.data()); });
  } else {
    Arena scratch;
    measure(state, 10.0 * kSize, 4 * kSize, [&] {
      scratch.reset();
      rms_norm_backward(pool(), scratch, op, x.data(), y.data(), dx.data(), dweight.data());
    });
  }
}
BENCHMARK_CAPTURE(rms_norm_case, forward, Pass::kForward);
BENCHMARK_CAPTURE(rms_norm_case, backward, Pass::kBackward);

void swiglu_case(benchmark::State& state, Pass pass) {
  constexpr int64_t kRows = kTokens * kExpertsPerToken, kSize = kRows * kExpertDim;
  Floats a(kSize), b(kSize, 2), act(kSize, 3), da(kSize), db(kSize), scale(kRows, 4), dscale(kRows);
  const Swiglu op{.rows = kRows, .cols = kExpertDim, .limit = 10, .scale = scale.data()};
  if (pass == Pass::kForward) {
    measure(state, 3.0 * kSize, 3 * kSize,
            [&] { swiglu(pool(), op, a.data(), b.data(), act.data()); });
  } else {
    measure(state, 10.0 * kSize, 5 * kSize, [&] {
      swiglu_backward(pool(), op, a.data(), b.data(), act.data(), da.data(), db.data(),
                      dscale.data());
    });
  }
}
BENCHMARK_CAPTURE(swiglu_case, forward, Pass::kForward);
BENCHMARK_CAPTURE(swiglu_case, backward, Pass::kBackward);

void route_case(benchmark::State& state) {
  Floats logits(kTokens * kExperts), scores(kTokens * kExperts), weights(kTokens * kExperts),
      bias(kExperts);
  std::vector<int32_t> experts(static_cast<size_t>(kTokens * kExpertsPerToken));
  const Router op{
      .tokens = kTokens, .num_experts = kExperts, .topk = kExpertsPerToken, .bias = bias.data()};
  measure(state, 0, 2 * kTokens * (kExperts + kExpertsPerToken),
          [&] { route(pool(), op, logits.data(), scores.data(), experts.data(), weights.data()); });
}
BENCHMARK(route_case);

void index_select_case(benchmark::State& state) {
  constexpr int64_t kQuery = kTokens * kIndexHeads * kIndexDim;
  const int64_t keys_size = index_keys_size(kEntries, kIndexDim);
  Floats q(kQuery), w(kTokens * kIndexHeads, 2), keys(kSequences * keys_size, 3);
  std::vector<IndexerSequence> sequences;
  for (int64_t s = 0; s < kSequences; ++s)
    sequences.push_back(
        {.row = s * kLength, .num_rows = kLength, .keys = keys.data() + s * keys_size});
  const IndexerOp op{.heads = kIndexHeads,
                     .channels = kIndexDim,
                     .rate = kRate,
                     .topk = kIndexTopk,
                     .sequences = sequences};
  std::vector<int32_t> selected(static_cast<size_t>(kTokens * kIndexTopk)),
      num_selected(static_cast<size_t>(kTokens));
  int64_t visible = 0;  // over the tokens that have a choice
  for (int64_t t = 0; t < kLength; ++t)
    if (const int64_t n = (t + 1) / kRate; n > kIndexTopk) visible += kSequences * n;
  measure(state, 2.0 * static_cast<double>(visible * kIndexHeads * (kIndexDim + 1)),
          kQuery + kSequences * keys_size + kTokens * kIndexTopk, [&] {
            index_select(pool(), op, q.data(), w.data(), selected.data(), num_selected.data());
          });
}
BENCHMARK(index_select_case);

void log_sum_exp_case(benchmark::State& state) {
  constexpr int64_t kRows = 256, kSize = kRows * kVocabulary;
  Floats z(kSize), lse(kRows);
  measure(state, 2.0 * kSize, kSize,
          [&] { log_sum_exp_rows(pool(), z.data(), kRows, kVocabulary, lse.data()); });
}
BENCHMARK(log_sum_exp_case);

void embed_case(benchmark::State& state, Pass pass) {
  constexpr int64_t kSize = kTokens * kHidden;
  Floats table(kVocabulary * kHidden), X(kStreams * kSize);
  std::vector<int32_t> ids;
  for (int64_t t = 0; t < kTokens; ++t)
    ids.push_back(static_cast<int32_t>(
        uniform_int({.stream = 5}, static_cast<uint64_t>(t), static_cast<uint64_t>(kVocabulary))));
  const Embedding op{.tokens = kTokens, .streams = kStreams, .hidden = kHidden, .ids = ids.data()};
  if (pass == Pass::kForward) {
    measure(state, 0, (kStreams + 1) * kSize, [&] { embed(pool(), op, table.data(), X.data()); });
  } else {
    measure(state, 1.0 * kStreams * kSize, (kStreams + 2) * kSize,
            [&] { embed_backward(pool(), op, X.data(), table.data()); });
  }
}
BENCHMARK_CAPTURE(embed_case, forward, Pass::kForward);
BENCHMARK_CAPTURE(embed_case, backward, Pass::kBackward);

}  // namespace
}  // namespace amalgam::kernels

BENCHMARK_MAIN();
