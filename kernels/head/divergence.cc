#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/head/divergence.cc"
#include "kernels/head/divergence.h"

#include <algorithm>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/head/divergence_rows.h"
#include "kernels/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels::HWY_NAMESPACE {

// g += w · ze; the last teacher's turns it into z = c · g.
void AddTeacher(const DivergenceRow& r) {
  const F32 d;
  const VF w = hn::Set(d, r.w), c = hn::Set(d, r.c);
  for (int64_t i = 0; i < r.n; i += kLanes) {
    const int64_t count = std::min<int64_t>(r.n - i, kLanes);
    const VF before = r.is_first ? hn::Zero(d) : LoadPadded(r.g + i, count);
    const VF sum = hn::MulAdd(w, LoadPadded(r.ze + i, count), before);
    StorePartial(r.is_last ? hn::Mul(c, sum) : sum, (r.is_last ? r.z : r.g) + i, count);
  }
}

}  // namespace amalgam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amalgam::kernels {
namespace {

HWY_EXPORT(AddTeacher);

}  // namespace

float divergence_row(const Divergence& divergence, const DivergenceRow& row) {
  const TwoPolicies all{row.z, row.ze, row.n, row.lse, row.lse_teacher, row.wants_gradient};
  float value = 0;
  switch (divergence.kind) {
    case DivergenceKind::kReverse:
      return reverse_kl_row(row);
    case DivergenceKind::kForward:
      value = mixed_kl_row(all, 1);
      break;
    case DivergenceKind::kJsd:
      value = jsd_row(all, divergence.beta);
      break;
    case DivergenceKind::kTopK:
      value = top_k_row(divergence, row);
      break;
    case DivergenceKind::kTopKTail:
      value = top_k_tail_row(divergence, row);
      break;
    case DivergenceKind::kTopKClamped:
      value = top_k_clamped_row(divergence, row);
      break;
  }
  if (row.wants_gradient) HWY_DYNAMIC_DISPATCH(AddTeacher)(row);
  return value;
}

}  // namespace amalgam::kernels
#endif  // HWY_ONCE
