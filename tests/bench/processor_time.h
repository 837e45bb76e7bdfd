// Processor time of all threads: another process on the machine moves it little.
#pragma once
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <functional>

#include "kernels/device/arena.h"
#include "kernels/gemm/gemm.h"

namespace amalgam::bench {

inline double processor_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

inline double best_seconds(int runs, const std::function<void()>& f) {
  double best = 1e9;
  for (int run = 0; run < runs; ++run) {
    const double begin = processor_seconds();
    f();
    best = std::min(best, processor_seconds() - begin);
  }
  return best;
}

// Of a large product: what other kernels are compared with.
inline double gemm_flops_per_second(kernels::ThreadPool& pool) {
  constexpr int64_t n = 768;
  kernels::Buffer<float> a(n * n), b(n * n), c(n * n);
  std::fill_n(a.data(), n * n, 0.5f), std::fill_n(b.data(), n * n, 0.25f);
  const kernels::Gemm product{.m = n,
                              .n = n,
                              .k = n,
                              .a = a.data(),
                              .a_row_stride = n,
                              .b = b.data(),
                              .ldb = n,
                              .c = c.data(),
                              .ldc = n};
  return 2.0 * n * n * n / best_seconds(20, [&] { kernels::gemm(pool, product); });
}

}  // namespace amalgam::bench
