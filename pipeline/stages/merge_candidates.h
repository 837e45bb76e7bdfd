// What a merge of weights is tried with: the candidates that are compared on the validation
// prompts.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "configs/compare_config.h"

namespace amalgam::pipeline {

struct MergeCandidate {
  double scale = 1, density = 1, t = 0.5;  // as far as the method has them
  bool operator==(const MergeCandidate&) const = default;
};

// Every scale with every density, or every t; without such lists the defaults of docs/MERGING.md,
// as many as `num_candidates`. The mean has nothing to choose.
std::vector<MergeCandidate> merge_candidates(const configs::CompareConfig& compare,
                                             int64_t num_candidates);
// "scale 1.25, density 0.5", "t 0.5"; empty for the mean.
std::string candidate_text(configs::Method method, const MergeCandidate& candidate);

}  // namespace amalgam::pipeline
