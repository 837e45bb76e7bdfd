// Encoding and decoding long texts on one core.
//
//   tokenizer_bench TOKENIZER IDS_DIR TEXT…
//
// TOKENIZER: a tokenizer.json. The ids of each text are written to IDS_DIR/NAME.ids as 32-bit
// integers, for comparison with others'.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <filesystem>

#include "configs/error.h"
#include "model/tensors/durable_file.h"
#include "model/tokenizer/tokenizer.h"

namespace amalgam::model {
namespace {

struct Work {
  const Tokenizer& tokenizer;
  std::string text;
  std::vector<int32_t> ids;
};

void report(benchmark::State& state, const Work& work) {
  state.counters["bytes"] = benchmark::Counter(static_cast<double>(work.text.size()),
                                               benchmark::Counter::kIsIterationInvariantRate);
}

void encode(benchmark::State& state, const Work& work) {
  for (auto _ : state)
    benchmark::DoNotOptimize(work.tokenizer.encode(work.text, SpecialText::kAsTokens));
  report(state, work);
}

void decode(benchmark::State& state, const Work& work) {
  for (auto _ : state) benchmark::DoNotOptimize(work.tokenizer.decode(work.ids, SpecialIds::kKeep));
  report(state, work);
}

void stream_decode(benchmark::State& state, const Work& work) {
  for (auto _ : state) {
    StreamDecoder decoder(work.tokenizer, SpecialIds::kKeep);
    for (const int32_t id : work.ids) benchmark::DoNotOptimize(decoder.push(id));
    benchmark::DoNotOptimize(decoder.finish());
  }
  report(state, work);
}

int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc < 4) throw Error("usage: tokenizer_bench TOKENIZER IDS_DIR TEXT… [--benchmark_…]");
  constexpr size_t kMaxTextBytes = size_t{1} << 30;
  const Tokenizer tokenizer = Tokenizer::load(argv[1]);
  std::vector<Work> works;
  works.reserve(static_cast<size_t>(argc));  // the benchmarks hold references
  for (int i = 3; i < argc; ++i) {
    const std::string name = std::filesystem::path(argv[i]).stem();
    Work& work = works.emplace_back(Work{tokenizer, read_file(argv[i], kMaxTextBytes), {}});
    work.ids = tokenizer.encode(work.text, SpecialText::kAsTokens);
    write_file_durably(std::string(argv[2]) + "/" + name + ".ids",
                       {reinterpret_cast<const char*>(work.ids.data()), 4 * work.ids.size()});
    const auto add = [&](const char* what, auto function) {
      benchmark::RegisterBenchmark((what + ("/" + name)).c_str(), function, std::cref(work))
          ->Unit(benchmark::kMillisecond);
    };
    add("encode", encode);
    add("decode", decode);
    add("stream_decode", stream_decode);
  }
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
