// Encoding and decoding a long text on one core.
//
//   tokenizer_bench TOKENIZER TEXT      tokenizer.json, any text file; the peer with the same
//                                       arguments: peers/bench_tokenizers.py
#include <benchmark/benchmark.h>

#include <cstdio>
#include <optional>

#include "configs/error.h"
#include "model/durable_file.h"
#include "model/tokenizer.h"

namespace amalgam::model {
namespace {

struct Work {
  Tokenizer tokenizer;
  std::string text;
  std::vector<int32_t> ids;
};
std::optional<Work> work;

void report(benchmark::State& state) {
  state.counters["bytes"] = benchmark::Counter(static_cast<double>(work->text.size()),
                                               benchmark::Counter::kIsIterationInvariantRate);
}

void encode(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(work->tokenizer.encode(work->text, SpecialText::kAsTokens));
  report(state);
}
BENCHMARK(encode)->Unit(benchmark::kMillisecond)->MinWarmUpTime(0.1);

void decode(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(work->tokenizer.decode(work->ids, SpecialIds::kKeep));
  report(state);
}
BENCHMARK(decode)->Unit(benchmark::kMillisecond)->MinWarmUpTime(0.1);

void stream_decode(benchmark::State& state) {
  for (auto _ : state) {
    StreamDecoder decoder(work->tokenizer, SpecialIds::kKeep);
    for (const int32_t id : work->ids) benchmark::DoNotOptimize(decoder.push(id));
    benchmark::DoNotOptimize(decoder.finish());
  }
  report(state);
}
BENCHMARK(stream_decode)->Unit(benchmark::kMillisecond)->MinWarmUpTime(0.1);

int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 3) throw Error("usage: tokenizer_bench TOKENIZER TEXT [--benchmark_…]");
  constexpr size_t kMaxTextBytes = size_t{1} << 30;
  work.emplace(Work{Tokenizer::load(argv[1]), read_file(argv[2], kMaxTextBytes), {}});
  work->ids = work->tokenizer.encode(work->text, SpecialText::kAsTokens);
  std::printf("%zu bytes, %zu tokens\n", work->text.size(), work->ids.size());
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace amalgam::model

int main(int argc, char** argv) {
  try {
    return amalgam::model::run(argc, argv);
  } catch (const amalgam::Error& e) {
    std::fprintf(stderr, "tokenizer_bench: %s\n", e.what());
    return 1;
  }
}
