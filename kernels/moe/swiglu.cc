#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/moe/swiglu.cc"
#include "kernels/moe/swiglu.h"

#include <cmath>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels {
namespace HWY_NAMESPACE {

void SwigluRows(const Swiglu& op, const float* a, const float* b, float* act, int64_t begin,
                int64_t end) {
  const F32 d;
  const VF limit = hn::Set(d, op.limit > 0 ? op.limit : INFINITY), low = hn::Neg(limit);
  const int64_t n = op.cols;
  for (int64_t r = begin; r < end; ++r) {
    const VF g = hn::Set(d, op.scale ? op.scale[r] : 1.0f);
    for (int64_t c = 0; c < n; c += kLanes) {
      const VF u = hn::Min(LoadPadded(a + r * n + c, n - c), limit);
      const VF v = hn::Min(hn::Max(LoadPadded(b + r * n + c, n - c), low), limit);
      const VF y = hn::Mul(hn::Mul(hn::Mul(u, Sigmoid(u)), v), g);
      StorePartial(y, act + r * n + c, n - c);
    }
  }
}

// silu'(u) = s + u·s·(1 - s)
void SwigluRowsBackward(const Swiglu& op, const float* a, const float* b, const float* dact,
                        float* da, float* db, float* dscale, int64_t begin, int64_t end) {
  const F32 d;
  const VF limit = hn::Set(d, op.limit > 0 ? op.limit : INFINITY), low = hn::Neg(limit);
  const VF one = hn::Set(d, 1.0f);
  const int64_t n = op.cols;
  for (int64_t r = begin; r < end; ++r) {
    const VF g = hn::Set(d, op.scale ? op.scale[r] : 1.0f);
    Sum16 dg;
    for (int64_t c = 0; c < n; c += kLanes) {
      const VF x = LoadPadded(a + r * n + c, n - c), z = LoadPadded(b + r * n + c, n - c);
      const VF u = hn::Min(x, limit), v = hn::Min(hn::Max(z, low), limit);
      const VF s = Sigmoid(u), silu = hn::Mul(u, s);
      const VF dy = LoadPadded(dact + r * n + c, n - c);
      dg.mul_add(static_cast<int>(c / kLanes) % kHalves, dy, hn::Mul(silu, v));
      const VF dyg = hn::Mul(dy, g);
      const VF slope = hn::MulAdd(silu, hn::Sub(one, s), s);
      const VF du = hn::Mul(hn::Mul(dyg, v), slope), dv = hn::Mul(dyg, silu);
      StorePartial(hn::IfThenElseZero(hn::Le(x, limit), du), da + r * n + c, n - c);
      StorePartial(hn::IfThenElseZero(hn::Le(hn::Abs(z), limit), dv), db + r * n + c, n - c);
    }
    if (dscale) dscale[r] = dg.sum();
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace amalgam::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amalgam::kernels {
HWY_EXPORT(SwigluRows);
HWY_EXPORT(SwigluRowsBackward);

void swiglu(ThreadPool& pool, const Swiglu& op, const float* a, const float* b, float* act) {
  pool.ranges(op.rows, 1 + 4096 / op.cols, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(SwigluRows)(op, a, b, act, begin, end);
  });
}

void swiglu_backward(ThreadPool& pool, const Swiglu& op, const float* a, const float* b,
                     const float* dact, float* da, float* db, float* dscale) {
  pool.ranges(op.rows, 1 + 4096 / op.cols, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(SwigluRowsBackward)(op, a, b, dact, da, db, dscale, begin, end);
  });
}

}  // namespace amalgam::kernels
#endif
