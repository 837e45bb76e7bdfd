// What the scorer of a finished sample is asked: docs/REWARDS.md.
#pragma once
#include <string>
#include <vector>

#include "pipeline/data/rows.h"
#include "rewards/registry/scorer.h"
#include "rollout/episodes/episode.h"

namespace amalgam::proto {
class SampleGroup;
class TrajectoryMetadata;
}  // namespace amalgam::proto

namespace amalgam::pipeline {

// Keys of extra_info that say what the sample is; a row's own key of the same name wins.
std::vector<std::string> sample_keys();

// `meta` is that of the sample's trajectory. Verifiers that are built in are told
// the final message, and those that ask for it what the policy wrote.
// Throws Error for a row that does not parse.
rewards::ScoreRequest score_request(const rollout::Episode& episode, const std::string& row_json,
                                    const proto::TrajectoryMetadata& meta,
                                    rewards::ScoredBy by = rewards::ScoredBy::kFunction);

// The same with the row that row_json is.
rewards::ScoreRequest score_request(const rollout::Episode& episode, const Row& row,
                                    const std::string& row_json,
                                    const proto::TrajectoryMetadata& meta, rewards::ScoredBy by);

// What a row says of how its answers are scored, without one.
rewards::ScoreRequest row_request(const Row& row);

// Whether the group's sample at this place is scored, where its request is.
bool is_scored(const proto::SampleGroup& group, int place);

// As if a row's sample had the answer "0", to try a function with.
rewards::ScoreRequest trial_request(const Row& row, bool thinking);

}  // namespace amalgam::pipeline
