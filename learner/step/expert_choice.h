// Which experts the tokens of sequences go to under given weights, ahead of their own step
// (anticipatory routing).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "learner/step/trainer.h"

namespace amalgam::learner {

// Per sequence, of all its tokens: model::ChoiceRecord::experts. The choice for a sequence does not
// depend on the others.
std::vector<std::string> choose_experts(model::Network& network, const model::Weights& weights,
                                        std::span<const TrainSequence> batch,
                                        int64_t max_micro_tokens);

}  // namespace amalgam::learner
