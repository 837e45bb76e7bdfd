// Supervised fine-tuning's loss over a batch: mean cross-entropy of the learned tokens.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "learner/step/trainer.h"

namespace amalgam::learner {

struct SupervisedObjective {
  double weight = 1;       // 0: the loss is measured, but has no gradient
  double temperature = 1;  // the model imitates with softmax(z / T)
};

struct SupervisedFigures {
  std::optional<double> loss;     // mean negative log-probability; none without learned tokens
  int64_t num_tokens = 0;         // that are learned
  std::optional<int64_t> broken;  // the first sequence of the batch whose loss is not finite
};

// Accumulates the gradient; the caller steps, unless a sequence is broken.
SupervisedFigures accumulate_supervised_loss(Trainer& trainer, std::span<const TrainSequence> batch,
                                             const SupervisedObjective& objective,
                                             double index_loss_coefficient);

}  // namespace amalgam::learner
