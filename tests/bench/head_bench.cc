// The fused vocabulary losses at a real vocabulary: seconds and GFLOP/s of their matrix products on
// two threads; "extra_MB" is the memory they need beyond models and hidden states: scratch and
// gradients. `--benchmark_filter=` chooses; a full run takes a minute.
#include <benchmark/benchmark.h>

#include <vector>

#include "kernels/device/rng.h"
#include "kernels/head/head_kl.h"
#include "kernels/head/head_policy.h"
#include "tests/bench/bench_model.h"

namespace amalgam::kernels {
namespace {

constexpr int64_t kVocabulary = 129280, kDim = 512;

using bench::pool;

std::vector<float> random(int64_t n, uint64_t stream) {
  std::vector<float> x(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); i += 4) {
    const auto bits = random_bits({.stream = stream}, i);
    for (size_t e = 0; e < 4 && i + e < x.size(); ++e)
      x[i + e] = static_cast<float>(bits[e] >> 8) * 0x1p-24f - 0.5f;
  }
  return x;
}

struct Case {
  explicit Case(int64_t t)
      : tokens(t),
        h(random(t * kDim, 1)),
        w(random(kVocabulary * kDim, 2)),
        c(random(t, 3)),
        dh(h.size()),
        dw(w.size()),
        lse(c.size()),
        value(c.size()) {}
  HeadGradients grads() { return {dh.data(), dw.data()}; }
  int64_t tokens;
  std::vector<float> h, w, c, dh, dw, lse, value;
};

void report(benchmark::State& state, const Case& k, int products, const Arena& arena) {
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * products * static_cast<double>(k.tokens * kVocabulary * kDim),
                         benchmark::Counter::kIsIterationInvariantRate);
  const size_t gradient_bytes = (k.dh.size() + k.dw.size()) * sizeof(float);
  state.counters["extra_MB"] = static_cast<double>(arena.peak_bytes() + gradient_bytes) * 1e-6;
}

void divergence(benchmark::State& state, const Divergence& divergence) {
  Case k(state.range(0));
  const auto teacher_h = random(k.tokens * kDim, 4), teacher_w = random(kVocabulary * kDim, 5);
  const std::vector<float> weights(k.c.size(), 1.0f);
  const KlTeacher teacher{{teacher_w.data(), kVocabulary, kDim}, teacher_h.data(), weights.data()};
  Arena arena;
  for (auto _ : state) {
    head_kl(pool(), arena,
            {.student = {k.w.data(), kVocabulary, kDim},
             .hidden = k.h.data(),
             .tokens = k.tokens,
             .teachers = {&teacher, 1},
             .c = k.c.data(),
             .divergence = divergence},
            k.value.data(), k.grads());
  }
  report(state, k, 4, arena);
}
void timed(benchmark::internal::Benchmark* b) {
  b->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kSecond);
}
void kl_with_gradients(benchmark::State& state) { divergence(state, {}); }
BENCHMARK(kl_with_gradients)->Arg(256)->Arg(2048)->Apply(timed);
using Kind = DivergenceKind;
BENCHMARK_CAPTURE(divergence, forward, {.kind = Kind::kForward})->Arg(256)->Apply(timed);
BENCHMARK_CAPTURE(divergence, jsd, {.kind = Kind::kJsd})->Arg(256)->Apply(timed);
BENCHMARK_CAPTURE(divergence, top_k, {.kind = Kind::kTopK})->Arg(256)->Apply(timed);
BENCHMARK_CAPTURE(divergence, top_k_tail, {.kind = Kind::kTopKTail})->Arg(256)->Apply(timed);
BENCHMARK_CAPTURE(divergence, top_k_clamped, {.kind = Kind::kTopKClamped})->Arg(256)->Apply(timed);

void cross_entropy(benchmark::State& state) {
  Case k(state.range(0));
  const std::vector<int32_t> targets(k.c.size(), 5);
  Arena arena;
  for (auto _ : state) {
    head_cross_entropy(pool(), arena,
                       {.head = {k.w.data(), kVocabulary, kDim},
                        .hidden = k.h.data(),
                        .targets = targets.data(),
                        .tokens = k.tokens},
                       k.c.data(), {.logprob = k.value.data(), .lse = k.lse.data()}, k.grads());
  }
  report(state, k, 3, arena);
}
BENCHMARK(cross_entropy)->Arg(256)->Arg(2048)->Apply(timed);

}  // namespace
}  // namespace amalgam::kernels

BENCHMARK_MAIN();
