// From rewards to advantages: GRPO and the reward shaping that goes with it (POST_TRAINING.md §3).
// Pure functions in double.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace amalgam::learner {

enum class AdvantageScale {
  kNone,  // A_i = R_i - mean(R)
  kStd    // the same, divided by std(R) + 1e-6 (verl's; TRL's is 1e-4), std with G - 1
};

// Rewards of the scored samples of one prompt (a sample without a reward is not among them). When
// all are equal every advantage is exactly 0; so for a single sample.
std::vector<double> group_advantages(std::span<const double> rewards, AdvantageScale scale);

// The same for all samples of a step, group by group: samples with equal groups[i] belong together.
// A sample without a reward is left out of its group and has advantage 0.
std::vector<double> batch_advantages(std::span<const std::optional<double>> rewards,
                                     std::span<const int64_t> groups, AdvantageScale scale);

// Dynamic sampling (DAPO): false when all rewards are equal, so that the group teaches nothing.
bool is_informative(std::span<const double> rewards);

// Soft overlong punishment (DAPO), to be added to the reward: 0 up to max_length - buffer, falling
// linearly to -1 at max_length, -1 beyond.
double overlong_penalty(int64_t length, int64_t max_length, int64_t buffer);

// r_len = -min(cap, k(b) · length / norm_length),  k(b) = k0 · exp(-(b - b_min) / tau)
struct EffortPenalty {
  double k0 = 0, b_min = 1, tau = 1;
  double cap = 1;          // C_max
  double norm_length = 1;  // L_norm
};
double effort_length_penalty(const EffortPenalty& penalty, double effort, int64_t length);

}  // namespace amalgam::learner
