#include "distill/objectives/objective.h"

#include "distill/objectives/sampled_token.h"
#include "distill/objectives/vocabulary.h"

namespace amalgam::distill {

void add_objective(kernels::ThreadPool& pool, kernels::Arena& arena,
                   const DistillObjective& objective, const DistillRows& rows,
                   const kernels::HeadLogprobs& ours, float* value,
                   const kernels::HeadGradients& grads) {
  const auto& [kind, parameters, temperature] = objective;
  switch (kind) {
    case configs::Objective::kSampledAdvantage:
      sampled_advantage(pool, arena, parameters, rows, ours, value, grads);
      break;
    case configs::Objective::kSampledLoss:
      sampled_loss(pool, arena, parameters, rows, ours, value, grads);
      break;
    default:
      vocabulary_divergence(pool, arena, divergence_of(kind, parameters), rows, value, grads);
  }
}

}  // namespace amalgam::distill
