// Which elements stay by magnitude: exact thresholds of a step.
#pragma once
#include <cstdint>
#include <vector>

#include "distill/merging/key_search.h"
#include "distill/merging/recipe.h"
#include "distill/merging/window.h"

namespace amalgam::distill {

// The windows of a step (kMagnitude or kOutliers), one a model; their indices are the field's.
std::vector<Window> find_windows(const SparsifyStep& step, size_t num_models, int64_t num_workers,
                                 const Field& field, const ForValues& for_values);

}  // namespace amalgam::distill
