#include "distill/objectives/kl_estimate.h"

#include <cmath>

#include "configs/check.h"
#include "kernels/simd/scalar_math.h"

namespace amalgam::distill {

KlEstimate kl_estimate(configs::KlEstimator estimator, double logprob, double teacher_logprob) {
  const double d = teacher_logprob - logprob;
  switch (estimator) {
    case configs::KlEstimator::kAuto:
      break;
    case configs::KlEstimator::kK1:
      return {-d, 1};
    case configs::KlEstimator::kK2:
      return {d * d / 2, -d};
    case configs::KlEstimator::kK3: {
      const double ratio = kernels::scalar::exp(d);
      return {ratio - d - 1, 1 - ratio};
    }
    case configs::KlEstimator::kAbs:
      return {std::abs(d), d == 0 ? 0.0 : (d < 0 ? 1.0 : -1.0)};
  }
  CHECK(false);
  return {};
}

KlEstimate cut(const KlEstimate& estimate, double max) {
  if (estimate.value > max) return {max, 0};
  if (estimate.value < -max) return {-max, 0};
  return estimate;
}

}  // namespace amalgam::distill
