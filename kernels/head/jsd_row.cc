#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/head/jsd_row.cc"
#include <algorithm>

#include "configs/check.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/head/divergence_rows.h"
#include "kernels/simd/row_sum-inl.h"
#include "kernels/simd/scalar_math.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels::HWY_NAMESPACE {

// log p, log q and their distances to M = (1-β) p + β q:
//   log M/p = log(1-β) + log(1 + e^s),  log M/q = log β + log(1 + e^-s),  s = log(β q / (1-β) p)
struct JsdTerms {
  VF p, q, to_p, to_q;
};
struct JsdConstants {
  VF shift, shift_teacher, log_rest, log_beta;
};
HWY_INLINE JsdTerms Terms(const TwoPolicies& r, const JsdConstants& k, int64_t at, int64_t count) {
  const F32 d;
  const VF logp = hn::Sub(LoadPadded(r.z + at, count), k.shift);
  const VF logq = hn::Sub(LoadPadded(r.ze + at, count), k.shift_teacher);
  const VF s = hn::Sub(hn::Add(k.log_beta, logq), hn::Add(k.log_rest, logp));
  const VF near = Softplus(hn::Neg(hn::Abs(s)));  // log(1 + e^-|s|)
  return {Exp(logp), Exp(logq), hn::Add(k.log_rest, hn::Add(hn::Max(s, hn::Zero(d)), near)),
          hn::Add(k.log_beta, hn::Add(hn::Max(hn::Neg(s), hn::Zero(d)), near))};
}
// Without probability, nothing, whatever the logarithm is; a NaN stays one.
HWY_INLINE VF Weighted(VF p, VF x) {
  return hn::IfThenZeroElse(hn::Eq(p, hn::Zero(F32())), hn::Mul(p, x));
}

float JsdRow(const TwoPolicies& r, float beta, float log_beta, float log_rest) {
  const F32 d;
  const JsdConstants k{hn::Set(d, r.lse), hn::Set(d, r.lse_teacher), hn::Set(d, log_rest),
                       hn::Set(d, log_beta)};
  const double student = -SumRow(r.n, [&](int64_t at, int64_t count) HWY_ATTR {
    const JsdTerms t = Terms(r, k, at, count);
    return Weighted(t.p, t.to_p);
  });
  const double teacher = -SumRow(r.n, [&](int64_t at, int64_t count) HWY_ATTR {
    const JsdTerms t = Terms(r, k, at, count);
    return Weighted(t.q, t.to_q);
  });
  const double rest = 1 - static_cast<double>(beta);
  const auto value = static_cast<float>(static_cast<double>(beta) * teacher + rest * student);
  if (!r.wants_gradient) return value;

  const VF mean = hn::Set(d, static_cast<float>(student)), scale = hn::Set(d, 1 - beta);
  for (int64_t i = 0; i < r.n; i += kLanes) {
    const int64_t count = std::min<int64_t>(r.n - i, kLanes);
    const JsdTerms t = Terms(r, k, i, count);
    const VF g = Weighted(t.p, hn::Sub(hn::Neg(t.to_p), mean));
    StorePartial(hn::Mul(scale, g), r.ze + i, count);
  }
  return value;
}

}  // namespace amalgam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amalgam::kernels {
namespace {
HWY_EXPORT(JsdRow);
}  // namespace

float jsd_row(const TwoPolicies& row, double beta) {
  CHECK(beta > 0 && beta < 1);
  return HWY_DYNAMIC_DISPATCH(JsdRow)(row, static_cast<float>(beta),
                                      static_cast<float>(scalar::log(beta)),
                                      static_cast<float>(scalar::log(1 - beta)));
}

}  // namespace amalgam::kernels
#endif  // HWY_ONCE
