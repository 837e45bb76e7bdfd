// From rewards to advantages: GRPO (POST_TRAINING.md §3). Pure functions in double.
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

}  // namespace amalgam::learner
