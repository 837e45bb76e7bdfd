// Refreshes every Matrix::packed (and rounded, where bound) of `weights` from its data, in parallel
// (Weights::pack is the same on one thread).
#pragma once
#include "kernels/device/thread_pool.h"
#include "model/network/weights.h"

namespace amalgam::learner {

void pack_weights(kernels::ThreadPool& pool, model::Weights& weights,
                  const configs::NumericsConfig& numerics = {});

}  // namespace amalgam::learner
