// A token's KL(π ‖ π_E) estimated from the token that π sampled; d = log π_E - log π:
//
//   k1   -d             mean KL(π ‖ π_E); as a loss its gradient is the same for any teacher, and
//                       0 in the mean
//   k2   d² / 2         as a loss, the reverse KL's gradient in the mean
//   k3   e^d - d - 1    mean KL(π ‖ π_E), never below 0; as a loss, the forward KL's gradient
//   abs  |d|
#pragma once
#include "configs/objective_config.h"

namespace amalgam::distill {

struct KlEstimate {
  double value = 0;
  double d_logprob = 0;  // d value / d log π
};

// Not kAuto.
KlEstimate kl_estimate(configs::KlEstimator estimator, double logprob, double teacher_logprob);

// Within [-max, max]; where it is cut, without a gradient (verl's loss_max_clamp).
KlEstimate cut(const KlEstimate& estimate, double max);

}  // namespace amalgam::distill
