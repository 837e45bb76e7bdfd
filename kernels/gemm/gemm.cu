// CUDA twin of gemm.cc, f32: every output is the same FMA chain over k ascending, so the bits are
// those of the CPU. One 64 x 64 tile of C per block of 256 threads, 4 x 4 outputs a thread, A and B
// staged through shared memory 16 steps of k at a time.
#include <cuda_runtime.h>

#include "kernels/device/cuda.h"
#include "kernels/gemm/gemm.h"

namespace amalgam::kernels {
namespace {

constexpr int kTile = 64, kStep = 16, kPerThread = 4, kThreads = 256;

struct DeviceGemm {
  int64_t m, n, k;
  const float* a;
  int64_t a_row_stride, a_col_stride;
  const float* b;
  int64_t ldb;
  float* c;
  int64_t ldc;
};

template <BLayout kLayout>
__device__ float load_b(const DeviceGemm& p, int64_t k, int64_t n) {
  if (kLayout == BLayout::kRowMajor) return p.b[k * p.ldb + n];
  if (kLayout == BLayout::kTransposed) return p.b[n * p.ldb + k];
  return p.b[(n / kPanel * p.k + k) * kPanel + n % kPanel];
}

template <BLayout kLayout, bool kAccumulate>
__global__ void __launch_bounds__(kThreads) gemm_tile(DeviceGemm p) {
  __shared__ float a_tile[kStep][kTile + 1];
  __shared__ float b_tile[kStep][kTile + 1];
  const int64_t row0 = static_cast<int64_t>(blockIdx.y) * kTile;
  const int64_t col0 = static_cast<int64_t>(blockIdx.x) * kTile;
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  float acc[kPerThread][kPerThread];
  for (int i = 0; i < kPerThread; ++i)
    for (int j = 0; j < kPerThread; ++j) {
      const int64_t r = row0 + ty + 16 * i, c = col0 + tx + 16 * j;
      acc[i][j] = kAccumulate && r < p.m && c < p.n ? p.c[r * p.ldc + c] : 0.0f;
    }
  for (int64_t k0 = 0; k0 < p.k; k0 += kStep) {
    const int steps = static_cast<int>(p.k - k0 < kStep ? p.k - k0 : kStep);
    for (int i = threadIdx.x; i < kStep * kTile; i += kThreads) {
      const int k = i / kTile, x = i % kTile;
      if (k < steps) {
        const int64_t r = row0 + x, c = col0 + x;
        a_tile[k][x] = r < p.m ? p.a[r * p.a_row_stride + (k0 + k) * p.a_col_stride] : 0.0f;
        b_tile[k][x] = c < p.n ? load_b<kLayout>(p, k0 + k, c) : 0.0f;
      }
    }
    __syncthreads();
    for (int k = 0; k < steps; ++k)
      for (int i = 0; i < kPerThread; ++i)
        for (int j = 0; j < kPerThread; ++j)
          acc[i][j] = __fmaf_rn(a_tile[k][ty + 16 * i], b_tile[k][tx + 16 * j], acc[i][j]);
    __syncthreads();
  }
  for (int i = 0; i < kPerThread; ++i)
    for (int j = 0; j < kPerThread; ++j) {
      const int64_t r = row0 + ty + 16 * i, c = col0 + tx + 16 * j;
      if (r < p.m && c < p.n) p.c[r * p.ldc + c] = acc[i][j];
    }
}

template <BLayout kLayout>
void launch(const DeviceGemm& p, Write write, CudaStream stream) {
  const dim3 grid(static_cast<unsigned>((p.n + kTile - 1) / kTile),
                  static_cast<unsigned>((p.m + kTile - 1) / kTile));
  if (write == Write::kAccumulate)
    gemm_tile<kLayout, true><<<grid, kThreads, 0, stream>>>(p);
  else
    gemm_tile<kLayout, false><<<grid, kThreads, 0, stream>>>(p);
}

}  // namespace

void gemm_cuda(std::span<const Gemm> problems, CudaStream stream) {
  for (const Gemm& g : problems) {
    if (g.m == 0 || g.n == 0) continue;
    const DeviceGemm p{g.m, g.n, g.k, g.a, g.a_row_stride, g.a_col_stride, g.b, g.ldb, g.c, g.ldc};
    switch (g.layout) {
      case BLayout::kRowMajor:
        launch<BLayout::kRowMajor>(p, g.write, stream);
        break;
      case BLayout::kTransposed:
        launch<BLayout::kTransposed>(p, g.write, stream);
        break;
      case BLayout::kPacked:
        launch<BLayout::kPacked>(p, g.write, stream);
        break;
    }
  }
}

}  // namespace amalgam::kernels
