#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/head/mixed_kl_row.cc"
#include <algorithm>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/head/divergence_rows.h"
#include "kernels/simd/row_sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels::HWY_NAMESPACE {

// Σ p (log p - log q), p = exp(z - lse); what cannot be chosen adds nothing, also where its logit
// is -inf. A NaN stays one.
double KlSum(const float* z, float lse, const float* other, float lse_other, int64_t n) {
  const F32 d;
  const VF shift = hn::Set(d, lse), shift_other = hn::Set(d, lse_other);
  return SumRow(n, [&](int64_t at, int64_t count) HWY_ATTR {
    const VF logp = hn::Sub(LoadPadded(z + at, count), shift);
    const VF logq = hn::Sub(LoadPadded(other + at, count), shift_other);
    const VF p = Exp(logp);
    return hn::IfThenZeroElse(hn::Eq(p, hn::Zero(d)), hn::Mul(p, hn::Sub(logp, logq)));
  });
}

float MixedKlRow(const TwoPolicies& r, float forward) {
  const F32 d;
  const float reverse = 1 - forward;
  // A part without weight is not computed: it may be infinite.
  const auto forward_kl =
      static_cast<float>(forward != 0 ? KlSum(r.ze, r.lse_teacher, r.z, r.lse, r.n) : 0);
  const auto reverse_kl =
      static_cast<float>(reverse != 0 ? KlSum(r.z, r.lse, r.ze, r.lse_teacher, r.n) : 0);
  const float value = forward * forward_kl + reverse * reverse_kl;
  if (!r.wants_gradient) return value;

  const VF shift = hn::Set(d, r.lse), shift_teacher = hn::Set(d, r.lse_teacher);
  const VF mean = hn::Set(d, reverse_kl), f = hn::Set(d, forward), b = hn::Set(d, reverse);
  for (int64_t i = 0; i < r.n; i += kLanes) {
    const int64_t count = std::min<int64_t>(r.n - i, kLanes);
    const VF logp = hn::Sub(LoadPadded(r.z + i, count), shift);
    const VF logq = hn::Sub(LoadPadded(r.ze + i, count), shift_teacher);
    const VF p = Exp(logp);
    const VF of_forward = hn::Mul(f, hn::Sub(p, Exp(logq)));
    const VF of_reverse = hn::Mul(hn::Mul(b, p), hn::Sub(hn::Sub(logp, logq), mean));
    const auto is_nothing = hn::Or(hn::Eq(p, hn::Zero(d)), hn::Eq(b, hn::Zero(d)));
    StorePartial(hn::Add(of_forward, hn::IfThenZeroElse(is_nothing, of_reverse)), r.ze + i, count);
  }
  return value;
}

}  // namespace amalgam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amalgam::kernels {
namespace {
HWY_EXPORT(MixedKlRow);
}  // namespace

float mixed_kl_row(const TwoPolicies& row, float forward) {
  return HWY_DYNAMIC_DISPATCH(MixedKlRow)(row, forward);
}

}  // namespace amalgam::kernels
#endif  // HWY_ONCE
