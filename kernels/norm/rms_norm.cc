#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/norm/rms_norm.cc"
#include "kernels/norm/rms_norm.h"

#include <cstring>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels {
namespace HWY_NAMESPACE {

HWY_INLINE float InverseRms(const float* x, int64_t n, float eps) {
  return 1.0f / std::sqrt(Dot16(x, x, n) / static_cast<float>(n) + eps);
}

void RmsNormRows(const RmsNorm& op, const float* x, float* y, int64_t begin, int64_t end) {
  const F32 d;
  for (int64_t r = begin; r < end; ++r) {
    const float* xr = x + r * op.cols;
    float* yr = y + r * op.cols;
    const float inv = InverseRms(xr, op.cols, op.eps);
    const VF scale = hn::Set(d, inv);
    for (int64_t c = 0; c < op.cols; c += kLanes) {
      VF v = hn::Mul(LoadPadded(xr + c, op.cols - c), scale);
      if (op.weight) v = hn::Mul(v, LoadPadded(op.weight + c, op.cols - c));
      StorePartial(v, yr + c, op.cols - c);
    }
    if (op.rope)
      rotate_row(op.rope->at(op.positions[r / op.rows_per_position]), op.rope->dims(), 1.0f,
                 yr + op.cols - op.rope->dims());
  }
}

// n_i = x_i·inv;  g = dy ⊙ w;  dx = inv·(g - n·mean(g·n));  dw += dy ⊙ n
void RmsNormRowsBackward(const RmsNorm& op, const float* x, const float* dy, float* dx, float* dw,
                         float* row_scratch, int64_t begin, int64_t end) {
  const F32 d;
  const int64_t n = op.cols;
  for (int64_t r = begin; r < end; ++r) {
    const float* xr = x + r * n;
    const float* gr = dy + r * n;
    if (op.rope) {
      std::memcpy(row_scratch, gr, static_cast<size_t>(n) * sizeof(float));
      rotate_row(op.rope->at(op.positions[r / op.rows_per_position]), op.rope->dims(), -1.0f,
                 row_scratch + n - op.rope->dims());
      gr = row_scratch;
    }
    const float inv = InverseRms(xr, n, op.eps);
    const VF vinv = hn::Set(d, inv);
    Sum16 dot;
    for (int64_t c = 0; c < n; c += kLanes) {
      const int half = static_cast<int>(c / kLanes) % kHalves;
      const VF xn = hn::Mul(LoadPadded(xr + c, n - c), vinv);
      VF g = LoadPadded(gr + c, n - c);
      if (op.weight) {
        StorePartial(hn::MulAdd(g, xn, LoadPadded(dw + c, n - c)), dw + c, n - c);
        g = hn::Mul(g, LoadPadded(op.weight + c, n - c));
      }
      dot.mul_add(half, g, xn);
    }
    const VF mean = hn::Set(d, dot.sum() / static_cast<float>(n));
    float* dxr = dx + r * n;
    for (int64_t c = 0; c < n; c += kLanes) {
      const VF xn = hn::Mul(LoadPadded(xr + c, n - c), vinv);
      VF g = LoadPadded(gr + c, n - c);
      if (op.weight) g = hn::Mul(g, LoadPadded(op.weight + c, n - c));
      const VF t = hn::NegMulAdd(xn, mean, g);
      StorePartial(hn::MulAdd(t, vinv, LoadPadded(dxr + c, n - c)), dxr + c, n - c);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace amalgam::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "kernels/device/row_blocks.h"

namespace amalgam::kernels {
HWY_EXPORT(RmsNormRows);
HWY_EXPORT(RmsNormRowsBackward);

void rms_norm(ThreadPool& pool, const RmsNorm& op, const float* x, float* y) {
  pool.ranges(op.rows, 1 + 4096 / op.cols, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(RmsNormRows)(op, x, y, begin, end);
  });
}

void rms_norm_backward(ThreadPool& pool, Arena& scratch, const RmsNorm& op, const float* x,
                       const float* dy, float* dx, float* dweight) {
  const auto mark = scratch.mark();
  const int64_t blocks = num_row_blocks(op.rows);
  float* parts =
      op.weight ? scratch.alloc_zero<float>(static_cast<size_t>(blocks * op.cols)) : nullptr;
  float* rows = scratch.alloc<float>(static_cast<size_t>(blocks * op.cols));
  pool.run(blocks, [&](int64_t b) {
    const auto [begin, end] = row_block(b, op.rows);
    HWY_DYNAMIC_DISPATCH(RmsNormRowsBackward)
    (op, x, dy, dx, parts ? parts + b * op.cols : nullptr, rows + b * op.cols, begin, end);
  });
  if (op.weight) add_parts(parts, blocks, op.cols, dweight);
  scratch.reset(mark);
}

}  // namespace amalgam::kernels
#endif
