// Time of an optimiser step on the model of tests/golden/sizes/tiny.json, commit and packing
// included. Rates are per second of processor time, so a busy machine moves them little: "gflops"
// counts Newton–Schulz over the whole step, "of_gemm" is that next to one large matrix product
// measured in the same run.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "kernels/device/rng.h"
#include "learner/step/optimizer.h"
#include "tests/bench/processor_time.h"

namespace amalgam::learner {
namespace {

model::ModelConfig size_config(const std::string& name) {
  return model::load_model_config(std::filesystem::path(__FILE__).parent_path() /
                                  "../golden/sizes" / (name + ".json"));
}

struct FillRandom {
  uint64_t i = 0;
  void operator()(const std::string&, kernels::Tensor& t, model::Role role) {
    for (int64_t j = 0; j < t.size(); ++j, ++i)
      t.data[j] = role == model::Role::kBalanceBias
                      ? 0
                      : static_cast<float>(kernels::uniform({.seed = 1}, i) - 0.5);
  }
  void operator()(const std::string&, kernels::IntTensor&) {}
};

// Operations of the matrix products of one Muon step.
double newton_schulz_flops(const model::Weights& weights) {
  struct Count {
    double flops = 0;
    void operator()(const std::string&, const kernels::Tensor& t, model::Role role) {
      const auto n = static_cast<double>(std::min(t.rows, t.cols));
      const auto k = static_cast<double>(std::max(t.rows, t.cols));
      if (role == model::Role::kMatrix) flops += 10 * n * n * (4 * k + 2 * n);
    }
    void operator()(const std::string&, const kernels::IntTensor&) {}
  } count;
  visit(weights, count);
  return count.flops;
}

void step(benchmark::State& state, const std::string& size, configs::OptimKind kind) {
  kernels::ThreadPool pool(static_cast<int>(state.range(0)));
  const model::ModelConfig config = size_config(size);
  const std::string path =
      (std::filesystem::temp_directory_path() / ("optimizer_bench_" + size)).string();
  Gradients gradients(config);
  visit(gradients.weights(), FillRandom{});
  Optimizer optimizer({.kind = kind, .weight_decay = 0.1}, config);
  {
    Gradients initial(config);
    visit(initial.weights(), FillRandom{});
    std::vector<int32_t> tables(static_cast<size_t>(initial.weights().num_ints()));
    model::Weights weights(config);
    weights.bind(initial.weights().embed.data, tables.data());
    TrainingState training = TrainingState::create(path, config, weights, pool);
    const double begin = bench::processor_seconds();
    for (auto _ : state) {
      if (optimizer.step(pool, gradients, 1e-3, {}, training).outcome != StepOutcome::kDone)
        state.SkipWithError("gradients are not finite");
      training.commit(pool);
    }
    if (kind == configs::OptimKind::kMuon) {
      const double flops = newton_schulz_flops(weights) * static_cast<double>(state.iterations()) /
                           (bench::processor_seconds() - begin);
      state.counters["gflops"] = flops * 1e-9;
      state.counters["of_gemm"] = flops / bench::gemm_flops_per_second(pool);
    }
  }
  std::filesystem::remove(path);
}

BENCHMARK_CAPTURE(step, muon_tiny, "tiny", configs::OptimKind::kMuon)
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();
BENCHMARK_CAPTURE(step, adamw_tiny, "tiny", configs::OptimKind::kAdamW)
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();

}  // namespace
}  // namespace amalgam::learner

BENCHMARK_MAIN();
