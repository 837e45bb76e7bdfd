#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/head/reverse_kl_row.cc"
#include <algorithm>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/head/divergence_rows.h"
#include "kernels/simd/row_sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels::HWY_NAMESPACE {

float ReverseKlRow(const DivergenceRow& r) {
  const F32 d;
  const VF shift = hn::Set(d, r.lse), shift_teacher = hn::Set(d, r.lse_teacher);
  const auto kl_sum = SumRow(r.n, [&](int64_t at, int64_t count) HWY_ATTR {
    const VF logp = hn::Sub(LoadPadded(r.z + at, count), shift);
    const VF logp_teacher = hn::Sub(LoadPadded(r.ze + at, count), shift_teacher);
    const VF p = Exp(logp);
    // A token that the student cannot choose adds nothing, also when its logit is -inf.
    return hn::IfThenElseZero(hn::Gt(p, hn::Zero(d)), hn::Mul(p, hn::Sub(logp, logp_teacher)));
  });
  const auto kl = static_cast<float>(kl_sum);
  if (!r.wants_gradient) return kl;

  const VF mean = hn::Set(d, kl), w = hn::Set(d, r.w), c = hn::Set(d, r.c);
  for (int64_t i = 0; i < r.n; i += kLanes) {
    const int64_t count = std::min<int64_t>(r.n - i, kLanes);
    const VF logp = hn::Sub(LoadPadded(r.z + i, count), shift);
    const VF logp_teacher = hn::Sub(LoadPadded(r.ze + i, count), shift_teacher);
    const VF before = r.is_first ? hn::Zero(d) : LoadPadded(r.g + i, count);
    const VF g = hn::MulAdd(w, hn::Sub(hn::Sub(logp, logp_teacher), mean), before);
    if (!r.is_last) {
      StorePartial(g, r.g + i, count);
      continue;
    }
    const VF p = Exp(logp);
    const VF dz = hn::IfThenElseZero(hn::Gt(p, hn::Zero(d)), hn::Mul(hn::Mul(c, p), g));
    StorePartial(dz, r.z + i, count);
  }
  return kl;
}

}  // namespace amalgam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amalgam::kernels {
namespace {
HWY_EXPORT(ReverseKlRow);
}  // namespace

float reverse_kl_row(const DivergenceRow& row) { return HWY_DYNAMIC_DISPATCH(ReverseKlRow)(row); }

}  // namespace amalgam::kernels
#endif  // HWY_ONCE
