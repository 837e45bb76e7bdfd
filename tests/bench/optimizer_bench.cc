// Time of an optimiser step on the model of tests/golden/sizes/tiny.json, commit and packing
// included. Rates are per second of processor time, so a busy machine moves them little: "gflops"
// counts Newton–Schulz over the whole step, "of_gemm" is that next to one large matrix product
// measured in the same run.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <string>

#include "kernels/device/rng.h"
#include "kernels/gemm/gemm.h"
#include "learner/step/optimizer.h"

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

double processor_seconds() {  // of all threads
  timespec t;
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double gemm_gflops(kernels::ThreadPool& pool) {
  constexpr int64_t n = 768;
  kernels::Buffer<float> a(n * n), b(n * n), c(n * n);
  std::fill_n(a.data(), n * n, 0.5f), std::fill_n(b.data(), n * n, 0.25f);
  double best = 0;
  for (int run = 0; run < 20; ++run) {
    const double begin = processor_seconds();
    kernels::gemm(pool, {.m = n,
                         .n = n,
                         .k = n,
                         .a = a.data(),
                         .a_row_stride = n,
                         .b = b.data(),
                         .ldb = n,
                         .c = c.data(),
                         .ldc = n});
    best = std::max(best, 2e-9 * n * n * n / (processor_seconds() - begin));
  }
  return best;
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
    const double begin = processor_seconds();
    for (auto _ : state) {
      if (optimizer.step(pool, gradients, 1e-3, {}, training).outcome != StepOutcome::kDone)
        state.SkipWithError("gradients are not finite");
      training.commit(pool);
    }
    if (kind == configs::OptimKind::kMuon) {
      const double gflops = newton_schulz_flops(weights) * 1e-9 *
                            static_cast<double>(state.iterations()) / (processor_seconds() - begin);
      state.counters["gflops"] = gflops;
      state.counters["of_gemm"] = gflops / gemm_gflops(pool);
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
