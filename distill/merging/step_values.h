// What the steps leave of a delta: the values that are summed.
#pragma once
#include <cstdint>
#include <vector>

#include "distill/merging/merge_tensor.h"
#include "distill/merging/recipe.h"
#include "distill/merging/window.h"

namespace amalgam::distill {

// What a step needs to know of a tensor of one model before it can be applied.
struct StepState {
  Window window;      // kMagnitude, kOutliers; indices are the tensor's
  double factor = 1;  // of what stays
};

// Whether element `begin` + i stays by `step` (states aside: its window) goes to keep[i]. v: the
// values before it, of whole rows of `cols` for kDella. `order` is its memory.
void kept_by(const SparsifyStep& step, size_t model, const Window& window, int64_t cols,
             int64_t begin, int64_t end, const double* v, const double* u,
             std::vector<uint64_t>& order, uint8_t* keep);

}  // namespace amalgam::distill
