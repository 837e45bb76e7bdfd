#include "learner/step/supervised_step.h"

#include <algorithm>
#include <cmath>

namespace amalgam::learner {

SupervisedFigures accumulate_supervised_loss(Trainer& trainer, std::span<const TrainSequence> batch,
                                             const SupervisedObjective& objective,
                                             double index_loss_coefficient) {
  SupervisedFigures figures;
  for (const TrainSequence& s : batch)
    figures.num_tokens += std::count(s.learned.begin(), s.learned.end(), true);
  const float weight = objective.weight == 0
                           ? 0.0f
                           : static_cast<float>(objective.weight) /
                                 static_cast<float>(std::max<int64_t>(1, figures.num_tokens));
  double loss = 0;
  trainer.accumulate(batch, index_loss_coefficient,
                     [&](const MicroBatch& micro, const model::Var& hidden) {
                       const std::vector<float> logprob =
                           trainer.cross_entropy(micro, hidden, weight, objective.temperature);
                       for (size_t i = 0; i < micro.slices.size(); ++i)
                         for (int64_t row = micro.slices[i].row;
                              row < micro.slices[i].row + micro.slices[i].num_rows; ++row) {
                           const auto t = static_cast<size_t>(row);
                           if (micro.targets[t] < 0) continue;
                           loss -= logprob[t];
                           if (!std::isfinite(logprob[t]) && !figures.broken)
                             figures.broken = micro.sequences[i];
                         }
                     });
  if (figures.num_tokens > 0) figures.loss = loss / static_cast<double>(figures.num_tokens);
  return figures;
}

}  // namespace amalgam::learner
