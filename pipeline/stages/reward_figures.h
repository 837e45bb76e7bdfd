// What a step's rewards are made of, beside their mean: docs/REWARDS.md.
#pragma once
#include <vector>

#include "pipeline/run_store/run_store.h"
#include "proto/trajectory.pb.h"

namespace amalgam::pipeline {

// Of the samples with a score: critic/incomplete/KIND, the shares that were truncated, malformed or
// empty; critic/reward_parts/mean/PART over those that have the part; with an audit
// critic/audit/mean and critic/audit/correlation with the score (Pearson's; absent where either is
// always the same); response_repetition/mean, the mean share of repeated 3-grams of the tokens that
// the policy wrote.
void add_reward_figures(const std::vector<proto::Trajectory>& trajectories, NamedValues* to);

// The share of runs of three ids that repeat an earlier one: 0 … 1.
double repetition_of(const std::vector<int32_t>& ids);

}  // namespace amalgam::pipeline
