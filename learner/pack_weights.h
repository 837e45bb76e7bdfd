// Refreshes every Matrix::packed of `weights` from its data, in parallel (Weights::pack is the same
// on one thread).
#pragma once
#include "kernels/thread_pool.h"
#include "model/weights.h"

namespace amalgam::learner {

void pack_weights(kernels::ThreadPool& pool, model::Weights& weights);

}  // namespace amalgam::learner
