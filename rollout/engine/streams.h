// What random numbers are for: the stream of an RngKey. Each use has its own, so that no two uses
// of one seed share numbers.
#pragma once
#include <cstdint>

namespace amalgam::rollout {

inline constexpr uint64_t kStreamGenerate = 1;    // amalgam generate
inline constexpr uint64_t kStreamRollout = 2;     // RL and distillation samples
inline constexpr uint64_t kStreamValidation = 3;  // held-out samples during training
inline constexpr uint64_t kStreamEval = 4;        // final evaluation

}  // namespace amalgam::rollout
