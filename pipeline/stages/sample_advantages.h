// From the rewards of a step's samples to their advantages.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "learner/estimators/advantage.h"
#include "proto/trajectory.pb.h"

namespace amalgam::pipeline {

// The reward of sample i, which is_answer(); a sample that could not be scored is left out of its
// group (meta.group), and has advantage 0.
std::vector<double> sample_advantages(const std::vector<proto::Trajectory>& trajectories,
                                      const std::function<double(size_t i)>& reward,
                                      learner::AdvantageScale scale);

}  // namespace amalgam::pipeline
