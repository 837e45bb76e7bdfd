// The objectives that look at the whole vocabulary, or at the teacher's likeliest ids of it.
#pragma once
#include "distill/objectives/objective.h"

namespace amalgam::distill {

// Of an objective that is not from the sampled token.
kernels::Divergence divergence_of(configs::Objective objective,
                                  const configs::ObjectiveParameters& parameters);

// As add_objective().
void vocabulary_divergence(kernels::ThreadPool& pool, kernels::Arena& arena,
                           const kernels::Divergence& divergence, const DistillRows& rows,
                           float* value, const kernels::HeadGradients& grads);

}  // namespace amalgam::distill
