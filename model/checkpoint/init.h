// A random V4 model. Every number is a pure function of (seed, tensor, element) and no libm is
// involved, so a seed gives the same bits on every machine and for every number of threads.
#pragma once
#include <cstdint>

#include "model/network/model_config.h"
#include "model/network/weights.h"

namespace amalgam::model {

inline constexpr double kInitializerRange = 0.02;  // as transformers' initializer_range

// Fills all tensors of `weights` (bound, built from `config`):
//   matrices, embedding, head, mHC fn     mean 0, standard deviation kInitializerRange
//   norms and mHC scale                   1
//   sinks, mHC base, ape, routing bias    0
//   hash tables                           see below
//
// The distribution is a centred sum of eight uniforms (Irwin–Hall): normal but for its tails, which
// end at 4.9 standard deviations.
//
// mHC starts as in transformers: with fn small, pre ≈ 1/2 and post ≈ 1 for every stream, and comb
// is close to the average over streams. So all streams carry the residual stream, the block output
// is added once to each, and the product of combs neither grows nor shrinks it.
//
// Hash tables: each token gets K distinct experts. The i-th of every E tokens takes the K places
// from i·K on, cyclically, of a permutation of the E experts (a new one for every E tokens): so in
// any such E tokens each expert is chosen exactly K times.
void init_weights(const ModelConfig& config, uint64_t seed, Weights& weights);

}  // namespace amalgam::model
