// The random numbers of masks: of element e of a tensor, for one model, word e mod 4 of the counter
// generator's e / 4-th draw, keyed by (seed, tensor's name, model). So a mask hangs on neither
// threads nor the other models.
#pragma once
#include <string>
#include <vector>

#include "distill/merging/merge_tensor.h"

namespace amalgam::distill {

// `tensors` must outlive what is returned.
Draws seeded_draws(uint64_t seed, const std::vector<MergeTensor>& tensors);

}  // namespace amalgam::distill
