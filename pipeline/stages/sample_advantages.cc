#include "pipeline/stages/sample_advantages.h"

#include "pipeline/stages/sampling.h"

namespace amalgam::pipeline {

std::vector<double> sample_advantages(const std::vector<proto::Trajectory>& trajectories,
                                      const std::function<double(size_t i)>& reward,
                                      learner::AdvantageScale scale) {
  std::vector<std::optional<double>> rewards;
  std::vector<int64_t> groups;
  for (size_t i = 0; i < trajectories.size(); ++i) {
    rewards.push_back(is_answer(trajectories[i]) ? std::optional(reward(i)) : std::nullopt);
    groups.push_back(trajectories[i].meta().group());
  }
  return learner::batch_advantages(rewards, groups, scale);
}

}  // namespace amalgam::pipeline
