// The k largest of a row of logits: ids in the order of their logits, the largest first; of equal
// ones the lowest id first. A NaN counts as larger than all, so that it is not passed over.
//
// Mistakes it invites: ties by what the scan met first or last (TopKTest.TiesByTheLowestId).
#pragma once
#include <cstdint>

namespace amalgam::kernels {

// 1 ≤ k ≤ n; ids [k].
void top_k(const float* z, int64_t n, int64_t k, int32_t* ids);

}  // namespace amalgam::kernels
