#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/head/softmax.cc"
#include "kernels/head/softmax.h"

#include <algorithm>
#include <limits>

#include "configs/check.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/row_sum-inl.h"
#include "kernels/simd/scalar_math.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels::HWY_NAMESPACE {

void Quotient(const float* z, int64_t n, float divisor, float* out) {
  const VF t = hn::Set(F32(), divisor);
  for (int64_t v = 0; v < n; v += kLanes)
    StorePartial(hn::Div(LoadPadded(z + v, n - v), t), out + v, n - v);
}

float LogSumExp(const float* z, int64_t n) {
  const F32 d;
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  VF max = hn::Set(d, kNone);  // a maximum has the same value in any order
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) max = hn::Max(max, hn::LoadU(d, z + i));
  if (i < n) max = hn::Max(max, LoadPadded(z + i, n - i, kNone));
  const VF top = hn::MaxOfLanes(d, max);
  const float shift = hn::GetLane(top);
  if (shift == kNone) return kNone;
  const double sum = SumRow(n, [&](int64_t at, int64_t count) HWY_ATTR {
    return Exp(hn::Sub(LoadPadded(z + at, count), top));
  });
  return static_cast<float>(static_cast<double>(shift) + scalar::log(sum));
}

float Entropy(const float* z, int64_t n, float lse) {
  const F32 d;
  const VF shift = hn::Set(d, lse);
  return static_cast<float>(SumRow(n, [&](int64_t at, int64_t count) HWY_ATTR {
    const VF logp = hn::Sub(LoadPadded(z + at, count), shift);
    const VF p = Exp(logp);
    // 0 · log 0 is 0, also when the logit is -inf.
    return hn::IfThenElseZero(hn::Gt(p, hn::Zero(d)), hn::Mul(p, hn::Neg(logp)));
  }));
}

void ScaledSoftmax(const float* z, int64_t n, float lse, float scale, float* out) {
  const VF shift = hn::Set(F32(), lse), factor = hn::Set(F32(), scale);
  for (int64_t v = 0; v < n; v += kLanes)
    StorePartial(hn::Mul(factor, Exp(hn::Sub(LoadPadded(z + v, n - v), shift))), out + v, n - v);
}

}  // namespace amalgam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amalgam::kernels {
namespace {
HWY_EXPORT(Quotient);
HWY_EXPORT(LogSumExp);
HWY_EXPORT(Entropy);
HWY_EXPORT(ScaledSoftmax);
}  // namespace

void temper(const float* z, int64_t n, double temperature, float* out) {
  if (temperature != 1)
    HWY_DYNAMIC_DISPATCH(Quotient)(z, n, static_cast<float>(temperature), out);
  else if (out != z)
    std::copy_n(z, n, out);
}

float log_sum_exp(const float* z, int64_t vocabulary) {
  return HWY_DYNAMIC_DISPATCH(LogSumExp)(z, vocabulary);
}

float log_softmax_at(const float* z, int64_t vocabulary, int64_t token) {
  CHECK_GE(token, 0);
  CHECK_LT(token, vocabulary);
  return z[token] - log_sum_exp(z, vocabulary);
}

float softmax_entropy(const float* z, int64_t vocabulary, float lse) {
  return HWY_DYNAMIC_DISPATCH(Entropy)(z, vocabulary, lse);
}

void scaled_softmax(const float* z, int64_t vocabulary, float lse, float scale, float* out) {
  HWY_DYNAMIC_DISPATCH(ScaledSoftmax)(z, vocabulary, lse, scale, out);
}

void log_sum_exp_rows(ThreadPool& pool, const float* z, int64_t rows, int64_t vocabulary,
                      float* lse) {
  pool.run(rows, [&](int64_t r) { lse[r] = log_sum_exp(z + r * vocabulary, vocabulary); });
}

}  // namespace amalgam::kernels
#endif  // HWY_ONCE
