// What a rollout worker says is checked before anything is done with it: it is another process, and
// the learner trusts what it is given.
#pragma once
#include <string>
#include <vector>

#include "model/network/model_config.h"
#include "pipeline/workers/rollout_pool.h"

namespace amalgam::pipeline {

// Empty, or the first thing that is wrong with a reply to this request by a worker that owes these
// samples. config: of the model that samples. Log-probabilities may be any number, as the model's
// may; the learner compares them with its own.
std::string wrong_in(const proto::WorkerReply& reply, const CollectSpec& spec,
                     const model::ModelConfig& config, const std::vector<proto::SampleGroup>& owed);

}  // namespace amalgam::pipeline
