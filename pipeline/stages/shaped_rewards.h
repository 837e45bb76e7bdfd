// What an RL stage with a length penalty maximises, and its figures: docs/REWARDS.md.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "configs/length_penalty_config.h"
#include "pipeline/run_store/run_store.h"
#include "pipeline/stages/answer_length.h"
#include "pipeline/stages/domain_rows.h"
#include "proto/trajectory.pb.h"

namespace amalgam::pipeline {

struct ShapedReward {
  double score = 0;   // of the task
  double reward = 0;  // what is maximised; reward - score is the length penalty
  AnswerLength length;
};

// Of each trajectory that has a score. Those of one meta.group are compared with each other: they
// are of one prompt at one effort, with penalty(meta) and the token budget window(meta). Throws
// Error for an effort that the penalty does not know.
std::vector<std::optional<ShapedReward>> shape_rewards(
    const std::function<configs::LengthPenaltyConfig(const proto::TrajectoryMetadata&)>& penalty,
    const model::Tokenizer& tokenizer, const std::vector<proto::Trajectory>& trajectories,
    const std::function<int64_t(const proto::TrajectoryMetadata&)>& window);

// critic/rewards/mean, critic/length_penalty/mean, response_length/answer_mean and
// /unclosed_thinking, means over the samples with a score; of several domains, and of one with a
// mode, also NAME/DOMAIN[/EFFORT], and critic/score/mean/DOMAIN[/EFFORT].
void add_figures(const std::vector<proto::Trajectory>& trajectories,
                 const std::vector<std::optional<ShapedReward>>& shaped, NamedValues* to);

// val-aux/SOURCE/reward/mean@N, /response_length/mean, /truncated and /unclosed_thinking, means
// over prompts of the means over their scored samples; of several sources also val-aux/all/...
// Returns the reward over all. `prompts`: meta.group is a place in it; n: samples of each.
double add_validation_figures(const std::vector<proto::Trajectory>& trajectories,
                              const std::vector<std::optional<ShapedReward>>& shaped,
                              const std::vector<PromptRow>& prompts, int64_t n, NamedValues* to);

}  // namespace amalgam::pipeline
