// Vector math that gives the same bits on every instruction set: own polynomials, one FMA per
// step, and sums across lanes always as 16 partial sums combined in one fixed tree.
// Included once per Highway target (no classic include guard), inside no namespace.
#if defined(AMALGAM_SIMD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef AMALGAM_SIMD_MATH_INL_H_
#undef AMALGAM_SIMD_MATH_INL_H_
#else
#define AMALGAM_SIMD_MATH_INL_H_
#endif

#include <cmath>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using F32 = hn::ScalableTag<float>;
using I32 = hn::ScalableTag<int32_t>;
using VF = hn::Vec<F32>;
constexpr int64_t kLanes = HWY_MAX_BYTES / 4;  // 8 (AVX2) or 16 (AVX-512)
constexpr int kHalves = static_cast<int>(16 / kLanes);

// exp(x); 0 below about -87.3 (so exp(-inf) = 0), about 2.4e38 above 88.3; a NaN stays one. Error <
// 2 ulp.
template <class D>
HWY_INLINE hn::Vec<D> Exp(D d, hn::Vec<D> x) {
  using V = hn::Vec<D>;
  const hn::RebindToSigned<D> di;
  const V lo = hn::Set(d, -87.3365f), hi = hn::Set(d, 88.3762f);
  const auto underflow = hn::Lt(x, lo);
  x = hn::Min(hi, hn::Max(lo, x));  // x86 gives the second operand when one is a NaN
  const V n = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504088896341f)));
  V r = hn::MulAdd(n, hn::Set(d, -0.693359375f), x);
  r = hn::MulAdd(n, hn::Set(d, 2.12194440e-4f), r);
  V p = hn::Set(d, 1.9875691500e-4f);
  p = hn::MulAdd(p, r, hn::Set(d, 1.3981999507e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1f));
  p = hn::MulAdd(p, hn::Mul(r, r), hn::Add(r, hn::Set(d, 1.0f)));
  const auto scale = hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(di, n), hn::Set(di, 127)));
  return hn::IfThenElse(underflow, hn::Zero(d), hn::Mul(p, hn::BitCast(d, scale)));
}
HWY_INLINE VF Exp(VF x) { return Exp(F32(), x); }

// log(x) for normal x > 0; error < 2 ulp, relative error small near 1 too.
HWY_INLINE VF Log(VF x) {
  const F32 d;
  const I32 di;
  const auto bits = hn::BitCast(di, x);
  // x = m · 2^e with m in [sqrt(½), sqrt(2))
  const auto shifted = hn::Sub(bits, hn::Set(di, 0x3f3504f3));
  const auto e = hn::ShiftRight<23>(shifted);
  const VF m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(e)));
  const VF f = hn::Sub(m, hn::Set(d, 1.0f));
  const VF fe = hn::ConvertTo(d, e);
  const VF z = hn::Mul(f, f);
  VF p = hn::Set(d, 7.0376836292e-2f);
  p = hn::MulAdd(p, f, hn::Set(d, -1.1514610310e-1f));
  p = hn::MulAdd(p, f, hn::Set(d, 1.1676998740e-1f));
  p = hn::MulAdd(p, f, hn::Set(d, -1.2420140846e-1f));
  p = hn::MulAdd(p, f, hn::Set(d, 1.4249322787e-1f));
  p = hn::MulAdd(p, f, hn::Set(d, -1.6668057665e-1f));
  p = hn::MulAdd(p, f, hn::Set(d, 2.0000714765e-1f));
  p = hn::MulAdd(p, f, hn::Set(d, -2.4999993993e-1f));
  p = hn::MulAdd(p, f, hn::Set(d, 3.3333331174e-1f));
  VF y = hn::Mul(hn::Mul(f, z), p);
  y = hn::MulAdd(fe, hn::Set(d, -2.12194440e-4f), y);
  y = hn::MulAdd(z, hn::Set(d, -0.5f), y);
  y = hn::Add(f, y);
  return hn::MulAdd(fe, hn::Set(d, 0.693359375f), y);
}

HWY_INLINE VF Sigmoid(VF x) {
  const F32 d;
  const VF one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, Exp(hn::Neg(x))));
}

// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)); log1p(e) = log(u) + (e - (u - 1)) / u, u = 1 + e.
HWY_INLINE VF Softplus(VF x) {
  const F32 d;
  const VF one = hn::Set(d, 1.0f);
  const VF e = Exp(hn::Neg(hn::Abs(x)));
  const VF u = hn::Add(one, e);
  const VF log1p = hn::Add(Log(u), hn::Div(hn::Sub(e, hn::Sub(u, one)), u));
  return hn::Add(hn::Max(x, hn::Zero(d)), log1p);
}

// The fixed tree over 16 partial sums.
HWY_INLINE float Tree16(const float* HWY_RESTRICT p) {
  float a[8], b[4];
  for (int i = 0; i < 8; ++i) a[i] = p[i] + p[i + 8];
  for (int i = 0; i < 4; ++i) b[i] = a[i] + a[i + 4];
  return (b[0] + b[2]) + (b[1] + b[3]);
}

// 16 partial sums: element i goes to partial i % 16. Feed blocks of 16 with add(), the ragged tail
// zero-padded; then sum().
struct Sum16 {
  VF part[kHalves];
  HWY_INLINE Sum16() {
    for (int h = 0; h < kHalves; ++h) part[h] = hn::Zero(F32());
  }
  HWY_INLINE void mul_add(int half, VF a, VF b) { part[half] = hn::MulAdd(a, b, part[half]); }
  HWY_INLINE void add(int half, VF a) { part[half] = hn::Add(part[half], a); }
  HWY_INLINE float sum() const {
    HWY_ALIGN float p[16];
    for (int h = 0; h < kHalves; ++h) hn::Store(part[h], F32(), p + h * kLanes);
    return Tree16(p);
  }
};

// Loads up to kLanes floats, the rest `pad`.
HWY_INLINE VF LoadPadded(const float* HWY_RESTRICT p, int64_t n, float pad = 0.0f) {
  const F32 d;
  if (n >= kLanes) return hn::LoadU(d, p);
  HWY_ALIGN float t[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) t[i] = i < n ? p[i] : pad;
  return hn::Load(d, t);
}
HWY_INLINE void StorePartial(VF v, float* HWY_RESTRICT p, int64_t n) {
  const F32 d;
  if (n >= kLanes) return hn::StoreU(v, d, p);
  HWY_ALIGN float t[kLanes];
  hn::Store(v, d, t);
  for (int64_t i = 0; i < n; ++i) p[i] = t[i];
}

// Σ_i a[i] · b[i] with 16 partial sums.
HWY_INLINE float Dot16(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, int64_t n) {
  const F32 d;
  Sum16 s;
  int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int h = 0; h < kHalves; ++h)
      s.mul_add(h, hn::LoadU(d, a + i + h * kLanes), hn::LoadU(d, b + i + h * kLanes));
  for (int h = 0; i < n && h < kHalves; ++h, i += kLanes)
    s.mul_add(h, LoadPadded(a + i, n - i), LoadPadded(b + i, n - i));
  return s.sum();
}

}  // namespace HWY_NAMESPACE
}  // namespace amalgam::kernels
HWY_AFTER_NAMESPACE();

#endif
