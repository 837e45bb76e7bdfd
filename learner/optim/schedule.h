// Learning rate of a step: linear warm-up, constant, linear decay. A pure function of the step.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "configs/stage_configs.h"

namespace amalgam::learner {

inline int64_t num_decay_steps(const configs::OptimConfig& c, int64_t num_steps) {
  return static_cast<int64_t>(std::llround(c.decay_fraction * static_cast<double>(num_steps)));
}

// Rate of optimiser step `step` (from 0) of `num_steps`. Warm-up reaches lr at step
// warmup_steps - 1; the decay takes the last decay_fraction of the steps and ends, at the last
// step, at lr · final_lr_factor. Where the two overlap the smaller factor holds.
inline double learning_rate(const configs::OptimConfig& c, int64_t step, int64_t num_steps) {
  double factor = 1;
  if (step < c.warmup_steps)
    factor = static_cast<double>(step + 1) / static_cast<double>(c.warmup_steps);
  const int64_t decay_steps = num_decay_steps(c, num_steps);
  const int64_t into_decay = std::min(step, num_steps - 1) - (num_steps - decay_steps) + 1;
  if (into_decay > 0) {
    const double done = static_cast<double>(into_decay) / static_cast<double>(decay_steps);
    factor = std::min(factor, 1 - done * (1 - c.final_lr_factor));
  }
  return c.lr * factor;
}

// Weight of the MTP loss at a step: `late` from where the rate decays (MODEL.md §2.6).
inline double mtp_loss_weight(const configs::SftConfig& c, int64_t step) {
  return step < c.steps - num_decay_steps(c.optim, c.steps) ? c.mtp_loss_weight
                                                            : c.mtp_late_loss_weight;
}

}  // namespace amalgam::learner
