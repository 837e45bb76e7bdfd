// Which experts the tokens of sequences go to in the learned MoE layers, as numbers to keep and to
// give to a later pass (anticipatory routing).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "learner/step/trainer.h"
#include "model/network/network.h"

namespace amalgam::learner {

// Per sequence [num_learned_moe, its tokens, K], ascending for each token: the router's choice
// under these weights. The choice for a sequence does not depend on the others.
std::vector<std::vector<int32_t>> choose_experts(model::Network& network,
                                                 const model::Weights& weights,
                                                 std::span<const TrainSequence> batch,
                                                 int64_t max_micro_tokens);

// Batch::given_experts of a packed micro-batch from those of its sequences
// (TrainSequence::experts), in order; empty when they have none. Either all have them or none.
std::vector<int32_t> pack_experts(const model::ModelConfig& config,
                                  std::span<const TrainSequence* const> sequences);

}  // namespace amalgam::learner
