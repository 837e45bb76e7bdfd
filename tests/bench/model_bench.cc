// The engine on the two model sizes of every comparison: forward + backward, forward, prefill and
// decode, in tokens per second of real time on two threads. The work is that of the peers' scripts
// (tests/bench/peers): the same batches, a mean next-token cross-entropy, sampling at
// temperature 1.
#include <benchmark/benchmark.h>

#include "kernels/head/head_policy.h"
#include "learner/step/gradients.h"
#include "model/checkpoint/packed_model.h"
#include "model/network/network.h"
#include "rollout/engine/engine.h"
#include "tests/bench/bench_model.h"

namespace amalgam::bench {
namespace {

struct Subject {
  explicit Subject(const std::string& size)
      : model(random_model(size_config(size))),
        network(model.config(), pool()),
        gradients(model.config()) {}

  model::PackedModel model;
  model::Network network;
  learner::Gradients gradients;
};

// Made once per size: a model of 70 million random numbers takes seconds.
Subject& subject(const std::string& size) {
  static Subject tiny("tiny");
  if (size == "tiny") return tiny;
  static Subject small("small");
  return small;
}

// `sequences` random sequences of `length` tokens, packed; next-token targets.
struct TokenBatch {
  TokenBatch(int64_t sequences, int64_t length, int64_t vocab_size)
      : ids(random_ids(sequences * length, vocab_size, 1)), targets(ids.begin() + 1, ids.end()) {
    targets.push_back(-1);
    for (int64_t s = 0; s < sequences; ++s) {
      slices.push_back({s * length, length, nullptr});
      targets[static_cast<size_t>((s + 1) * length - 1)] = -1;
    }
    weight.assign(ids.size(), 1.0f / static_cast<float>(sequences * (length - 1)));
  }
  int64_t tokens() const { return static_cast<int64_t>(ids.size()); }

  std::vector<int32_t> ids, targets;
  std::vector<model::SequenceSlice> slices;
  std::vector<float> weight;
};

void report(benchmark::State& state, int64_t tokens) {
  state.counters["tok/s"] = benchmark::Counter(static_cast<double>(tokens),
                                               benchmark::Counter::kIsIterationInvariantRate);
}

// Beside the speed: how much memory the activations and their gradients take at once.
void forward_backward(benchmark::State& state, const std::string& size,
                      configs::Recompute recompute) {
  Subject& s = subject(size);
  model::Network network(s.model.config(), pool());
  const model::ModelConfig& config = s.model.config();
  const TokenBatch batch(state.range(0), state.range(1), config.vocab_size);
  std::vector<float> logprob(batch.ids.size()), lse(batch.ids.size());
  const auto step = [&] {
    s.gradients.zero(pool());
    network.arena().reset();
    model::Tape tape(network.arena());
    model::Recording recording{
        .tape = &tape, .grads = &s.gradients.weights(), .recompute = recompute};
    const model::Var hidden = network.run(s.model.weights(), {batch.ids, batch.slices}, &recording);
    kernels::head_cross_entropy(
        pool(), network.scratch(),
        {.head = {s.model.weights().head.data, config.vocab_size, config.hidden_size},
         .hidden = hidden.v.data,
         .targets = batch.targets.data(),
         .tokens = batch.tokens()},
        batch.weight.data(), {.logprob = logprob.data(), .lse = lse.data()},
        {.hidden = hidden.g, .weight = s.gradients.weights().head.data});
    tape.backward();
  };
  step();  // the network's memory, which training makes once
  for (auto _ : state) step();
  report(state, batch.tokens());
  state.counters["activation_MB"] = static_cast<double>(network.activation_bytes()) * 1e-6;
}

void forward(benchmark::State& state, const std::string& size) {
  Subject& s = subject(size);
  const TokenBatch batch(state.range(0), state.range(1), s.model.config().vocab_size);
  std::vector<int32_t> rows;
  for (int64_t t = 0; t < batch.tokens(); ++t) rows.push_back(static_cast<int32_t>(t));
  std::vector<float> logits(rows.size() * static_cast<size_t>(s.model.config().vocab_size));
  for (auto _ : state) {
    s.network.arena().reset();
    const model::Var hidden = s.network.run(s.model.weights(), {batch.ids, batch.slices}, nullptr);
    s.network.logits(s.model.weights(), hidden.v, rows, logits.data());
  }
  report(state, batch.tokens());
}

// Samples `fresh` tokens after a prompt of `prompt` tokens, for `sequences` different prompts.
rollout::DraftCounters generate(Subject& s, int64_t sequences, int64_t prompt, int64_t fresh,
                                bool draft = false) {
  rollout::Engine engine(s.network, s.model.weights(), prompt + fresh, {.draft = draft});
  const int64_t V = s.model.config().vocab_size;
  for (int64_t i = 0; i < sequences; ++i) {
    const auto request = static_cast<uint64_t>(i);
    const rollout::SamplingParams params{.key = {.stream = 2, .request = request}};
    engine.open(random_ids(prompt, V, 3 + request), {&params, 1});
  }
  std::vector<int64_t> sampled(static_cast<size_t>(sequences));
  std::vector<rollout::Engine::Sampled> out;
  while (engine.step(&out)) {
    for (const auto& o : out) {
      if (++sampled[static_cast<size_t>(o.id)] < fresh)
        engine.resume(o.id);
      else
        engine.close(o.id);
    }
    out.clear();
  }
  return engine.drafts();
}

constexpr int64_t kPrompt = 64, kFresh = 64;

// New tokens per second of the whole call, prefill included, as the peers' scripts count.
void decode(benchmark::State& state, const std::string& size) {
  Subject& s = subject(size);
  for (auto _ : state) generate(s, state.range(0), kPrompt, kFresh);
  report(state, state.range(0) * kFresh);
}

// The same with the MTP block's drafts. Random weights give nearly flat distributions, so the
// shared random numbers make many drafts right: what a trained block gains depends on its own
// share.
void draft_decode(benchmark::State& state, const std::string& size) {
  Subject& s = subject(size);
  rollout::DraftCounters drafts;
  for (auto _ : state) drafts = generate(s, state.range(0), kPrompt, kFresh, true);
  report(state, state.range(0) * kFresh);
  state.counters["right"] =
      static_cast<double>(drafts.accepted) / static_cast<double>(drafts.proposed);
}

// Prompt tokens per second, with the one token that ends each prefill.
void prefill(benchmark::State& state, const std::string& size) {
  Subject& s = subject(size);
  for (auto _ : state) generate(s, state.range(0), state.range(1), 1);
  report(state, state.range(0) * state.range(1));
}

// A few repetitions of one call each; the first also grows the arena, so look at the median.
const auto kCalls = [](benchmark::internal::Benchmark* b) {
  b->Iterations(1)
      ->Repetitions(5)
      ->ReportAggregatesOnly()
      ->UseRealTime()
      ->MeasureProcessCPUTime()
      ->Unit(benchmark::kMillisecond);
};

constexpr auto kKeepAll = configs::Recompute::kNone, kTensors = configs::Recompute::kTensors,
               kLayer = configs::Recompute::kLayer;
BENCHMARK_CAPTURE(forward_backward, tiny, "tiny", kKeepAll)->Args({8, 256})->Apply(kCalls);
BENCHMARK_CAPTURE(forward_backward, small, "small", kKeepAll)->Args({4, 256})->Apply(kCalls);
BENCHMARK_CAPTURE(forward_backward, tiny_recompute_tensors, "tiny", kTensors)
    ->Args({8, 256})
    ->Apply(kCalls);
BENCHMARK_CAPTURE(forward_backward, tiny_recompute_layer, "tiny", kLayer)
    ->Args({8, 256})
    ->Apply(kCalls);
BENCHMARK_CAPTURE(forward_backward, small_recompute_layer, "small", kLayer)
    ->Args({4, 256})
    ->Apply(kCalls);
BENCHMARK_CAPTURE(forward, tiny, "tiny")->Args({8, 256})->Apply(kCalls);
BENCHMARK_CAPTURE(forward, small, "small")->Args({4, 256})->Apply(kCalls);
BENCHMARK_CAPTURE(prefill, tiny, "tiny")->Args({8, 256})->Apply(kCalls);
BENCHMARK_CAPTURE(prefill, small, "small")->Args({4, 256})->Apply(kCalls);
BENCHMARK_CAPTURE(decode, tiny, "tiny")->Arg(1)->Arg(32)->Apply(kCalls);
BENCHMARK_CAPTURE(decode, small, "small")->Arg(1)->Arg(32)->Apply(kCalls);
BENCHMARK_CAPTURE(draft_decode, tiny, "tiny")->Arg(1)->Arg(32)->Apply(kCalls);
BENCHMARK_CAPTURE(draft_decode, small, "small")->Arg(1)->Arg(32)->Apply(kCalls);

}  // namespace
}  // namespace amalgam::bench

BENCHMARK_MAIN();
