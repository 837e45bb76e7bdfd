// What k tries at a prompt give, from n ≥ k samples of it.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/run_store/score.h"
#include "proto/trajectory.pb.h"

namespace amalgam::pipeline {

// "pass@1", "maj@4", … with their scores, for k = 1, 2, 4, … below n, and n. Means over the prompts
// (meta.group) that have k scored samples; none for a k that no prompt has.
//
// pass@k: the chance that one of k samples succeeds, 1 - C(n-c, k) / C(n, k) for c successes among
// n samples (Chen et al. 2021, Evaluating Large Language Models Trained on Code, equation 1). A
// success is a sample with the highest score: 1, or where rewards go beyond 1 the highest one here.
//
// maj@k, k ≥ 2, where the verifier says what the answers are: the reward of the most frequent
// answer, of equals the one that was sampled first. Mean over the n / k runs of k samples in their
// order; of a run without any answer, the mean reward.
std::vector<std::pair<std::string, Score>> scores_at_k(
    const std::vector<const proto::Trajectory*>& samples, int64_t n);

// The reward of a success among them.
double success_reward(const std::vector<const proto::Trajectory*>& samples);

}  // namespace amalgam::pipeline
