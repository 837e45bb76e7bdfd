// CUDA twin of rms_norm.cc, forward, f32. A row's sum of squares is the CPU's: 16 partial sums,
// element i in partial i % 16, one FMA chain each, combined in the same tree; root, division and
// products are IEEE. So the bits are those of the CPU. Half a warp per row.
#include <cuda_runtime.h>

#include "kernels/device/cuda.h"
#include "kernels/norm/rms_norm.h"

namespace amalgam::kernels {
namespace {

constexpr int kPartials = 16, kRowsPerBlock = 8;

__global__ void rms_norm_rows(int64_t rows, int64_t cols, float eps, const float* weight,
                              const float* x, float* y) {
  const int lane = threadIdx.x % kPartials;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kRowsPerBlock + threadIdx.x / kPartials;
  // Every lane takes part in the shuffles; rows past the end only compute nothing.
  const bool inside = row < rows;
  const float* in = x + (inside ? row : 0) * cols;
  float sum = 0.0f;
  if (inside)
    for (int64_t i = lane; i < cols; i += kPartials) sum = __fmaf_rn(in[i], in[i], sum);
  // p[i] + p[i + 8], then + 4, + 2, + 1: lane 0 of the half-warp holds the tree's root.
  for (int width = kPartials / 2; width > 0; width /= 2)
    sum = __fadd_rn(sum, __shfl_down_sync(0xffffffffu, sum, width, kPartials));
  sum = __shfl_sync(0xffffffffu, sum, 0, kPartials);
  if (!inside) return;
  const float mean = __fadd_rn(__fdiv_rn(sum, static_cast<float>(cols)), eps);
  const float scale = __fdiv_rn(1.0f, __fsqrt_rn(mean));
  for (int64_t i = lane; i < cols; i += kPartials) {
    const float v = __fmul_rn(in[i], scale);
    y[row * cols + i] = weight ? __fmul_rn(v, weight[i]) : v;
  }
}

}  // namespace

void rms_norm_cuda(const RmsNorm& op, const float* x, float* y, CudaStream stream) {
  if (op.rows == 0) return;
  const auto blocks = static_cast<unsigned>((op.rows + kRowsPerBlock - 1) / kRowsPerBlock);
  rms_norm_rows<<<blocks, kRowsPerBlock * kPartials, 0, stream>>>(op.rows, op.cols, op.eps,
                                                                  op.weight, x, y);
}

}  // namespace amalgam::kernels
