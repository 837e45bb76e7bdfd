#include "learner/estimators/advantage.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "configs/check.h"

namespace amalgam::learner {

std::vector<double> group_advantages(std::span<const double> rewards, AdvantageScale scale) {
  std::vector<double> advantages(rewards.size());
  if (!is_informative(rewards)) return advantages;  // the mean of equal numbers may round
  const auto n = static_cast<double>(rewards.size());
  double mean = 0;
  for (double r : rewards) mean += r;
  mean /= n;
  double squares = 0;
  for (size_t i = 0; i < rewards.size(); ++i) {
    advantages[i] = rewards[i] - mean;
    squares = std::fma(advantages[i], advantages[i], squares);
  }
  if (scale == AdvantageScale::kStd) {
    const double std = std::sqrt(squares / (n - 1));
    for (double& a : advantages) a /= std + 1e-6;
  }
  return advantages;
}

std::vector<double> batch_advantages(std::span<const std::optional<double>> rewards,
                                     std::span<const int64_t> groups, AdvantageScale scale) {
  CHECK_EQ(rewards.size(), groups.size());
  std::map<int64_t, std::vector<size_t>> members;
  for (size_t i = 0; i < rewards.size(); ++i)
    if (rewards[i]) members[groups[i]].push_back(i);
  std::vector<double> advantages(rewards.size());
  for (const auto& [group, samples] : members) {
    std::vector<double> scored;
    for (const size_t i : samples) scored.push_back(*rewards[i]);
    const std::vector<double> a = group_advantages(scored, scale);
    for (size_t k = 0; k < samples.size(); ++k) advantages[samples[k]] = a[k];
  }
  return advantages;
}

bool is_informative(std::span<const double> rewards) {
  return std::any_of(rewards.begin(), rewards.end(), [&](double r) { return r != rewards[0]; });
}

}  // namespace amalgam::learner
