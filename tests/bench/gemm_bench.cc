// GFLOP/s of gemm on the shapes of training, decoding and the vocabulary head, next to the ceiling
// of register-only fused multiply-adds measured in the same run ("of_peak").
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/bench/gemm_bench.cc"
#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "configs/clock.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/device/arena.h"
#include "kernels/device/rng.h"
#include "kernels/gemm/gemm.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Returns the floating-point operations done; the sum is handed out so that they cannot be skipped.
double FmaLoop(int64_t rounds, float* sum) {
  const hn::ScalableTag<float> d;
  const auto x = hn::Set(d, 1.0f - 0x1p-20f), y = hn::Set(d, 0x1p-20f);
  constexpr int kChains = 12;  // more than latency × ports, few enough for 16 registers
  hn::Vec<hn::ScalableTag<float>> acc[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i)
    acc[i] = hn::Set(d, *sum + static_cast<float>(i));  // or they are one
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) acc[i] = hn::MulAdd(acc[i], x, y);
  }
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) *sum += hn::GetLane(acc[i]);
  return 2.0 * kChains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

}  // namespace amalgam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <benchmark/benchmark.h>

namespace amalgam::kernels {
namespace {

HWY_EXPORT(FmaLoop);

ThreadPool& pool() {
  static ThreadPool p(static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
  return p;
}

double peak_gflops() {
  static const double peak = [] {
    double best = 0;
    for (int run = 0; run < 10; ++run) {
      std::vector<double> flops(static_cast<size_t>(pool().num_threads()));
      const auto begin = Clock::now();
      pool().run(pool().num_threads(), [&](int64_t i) {
        float sum = 0.5f;
        flops[static_cast<size_t>(i)] = HWY_DYNAMIC_DISPATCH(FmaLoop)(2'000'000, &sum);
        benchmark::DoNotOptimize(sum);
      });
      const double seconds = seconds_since(begin);
      double sum = 0;
      for (const double f : flops) sum += f;
      best = std::max(best, sum / seconds * 1e-9);
    }
    return best;
  }();
  return peak;
}

struct Shape {
  const char* name;
  int64_t m, n, k;
  BLayout layout = BLayout::kTransposed;
  bool is_weight_gradient = false;  // A transposed, C accumulated
  int64_t problems = 1;
};

constexpr BLayout kRows = BLayout::kRowMajor, kWeight = BLayout::kTransposed,
                  kPanels = BLayout::kPacked;
constexpr Shape kShapes[] = {
    {"square/512", 512, 512, 512},
    {"square/1024", 1024, 1024, 1024},
    {"square/2048", 2048, 2048, 2048},
    {"forward/2048x24x512", 2048, 24, 512},
    {"forward/2048x64x256", 2048, 64, 256},
    {"forward/2048x256x256", 2048, 256, 256},
    {"forward/2048x512x512", 2048, 512, 512},
    {"input_gradient/2048x256x256", 2048, 256, 256, kRows},
    {"input_gradient/2048x512x64", 2048, 512, 64, kRows},
    {"weight_gradient/24x512x2048", 24, 512, 2048, kRows, true},
    {"weight_gradient/256x256x2048", 256, 256, 2048, kRows, true},
    {"weight_gradient/512x512x2048", 512, 512, 2048, kRows, true},
    {"experts/16x256x64x128", 256, 64, 128, kWeight, false, 16},
    {"experts/16x100x64x128_packed", 100, 64, 128, kPanels, false, 16},
    {"experts_weight_gradient/16x64x128x256", 64, 128, 256, kRows, true, 16},
    {"decode/1x512x512", 1, 512, 512, kPanels},
    {"decode/2x512x512", 2, 512, 512, kPanels},
    {"decode/8x512x512", 8, 512, 512, kPanels},
    {"decode/32x512x512", 32, 512, 512, kPanels},
    {"decode_experts/128x2x512x512", 2, 512, 512, kPanels, false, 128},
    {"decode_experts/128x4x512x512", 4, 512, 512, kPanels, false, 128},
    {"decode_experts/128x5x512x512", 5, 512, 512, kPanels, false, 128},
    {"decode/1x129280x512", 1, 129280, 512, kPanels},
    {"decode/32x129280x512", 32, 129280, 512, kPanels},
    {"head/logits_128x129280x512", 128, 129280, 512},
    {"head/input_gradient_128x512x129280", 128, 512, 129280, kRows},
    {"head/weight_gradient_129280x512x128", 129280, 512, 128, kRows, true},
};

void fill(Buffer<float>* x, uint64_t stream) {
  for (size_t i = 0; i < x->size(); i += 4) {
    const auto bits = random_bits({.stream = stream}, i);
    for (size_t e = 0; e < 4 && i + e < x->size(); ++e) {
      (*x)[i + e] = static_cast<float>(bits[e] >> 8) * 0x1p-24f - 0.5f;
    }
  }
}

void run_shape(benchmark::State& state, const Shape& s) {
  const int64_t a_size = s.m * s.k, b_size = packed_size(s.n, s.k), c_size = s.m * s.n;
  const auto buffer = [&](int64_t size) {
    return Buffer<float>(static_cast<size_t>(size * s.problems));
  };
  Buffer<float> a = buffer(a_size), b = buffer(b_size), c = buffer(c_size);
  fill(&a, 1), fill(&b, 2);
  std::fill_n(c.data(), c.size(), 0.0f);
  std::vector<Gemm> problems;
  for (int64_t i = 0; i < s.problems; ++i) {
    problems.push_back({.m = s.m,
                        .n = s.n,
                        .k = s.k,
                        .a = a.data() + i * a_size,
                        .a_row_stride = s.is_weight_gradient ? 1 : s.k,
                        .a_col_stride = s.is_weight_gradient ? s.m : 1,
                        .b = b.data() + i * b_size,
                        .layout = s.layout,
                        .ldb = s.layout == BLayout::kRowMajor ? s.n : s.k,
                        .c = c.data() + i * c_size,
                        .ldc = s.n,
                        .write = s.is_weight_gradient ? Write::kAccumulate : Write::kStore});
  }
  const double peak = peak_gflops();
  for (auto _ : state) gemm(pool(), problems);
  const double flops = 2.0 * static_cast<double>(s.m * s.n * s.k * s.problems);
  state.counters["GFLOP/s"] =
      benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] =
      benchmark::Counter(flops * 1e-9 / peak, benchmark::Counter::kIsIterationInvariantRate);
}

const int kRegistered = [] {
  for (const Shape& s : kShapes) {
    benchmark::RegisterBenchmark(s.name, [&s](benchmark::State& state) { run_shape(state, s); })
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  }
  return 0;
}();

}  // namespace
}  // namespace amalgam::kernels

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext(
      "fma_peak_gflops", std::to_string(amalgam::kernels::peak_gflops()) + " on " +
                             std::to_string(amalgam::kernels::pool().num_threads()) + " threads");
  benchmark::RunSpecifiedBenchmarks();
}
#endif  // HWY_ONCE
