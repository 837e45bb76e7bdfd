// Which prompts a step samples: an endless shuffled sequence, epoch after epoch, as a pure function
// of (seed, stream, place).
#pragma once
#include <cstdint>
#include <vector>

#include "learner/step/packing.h"

namespace amalgam::pipeline {

class PromptOrder {
 public:
  PromptOrder(int64_t num_prompts, uint64_t seed, uint64_t stream)
      : n_(num_prompts), seed_(seed), stream_(stream) {}

  // Index of the prompt at a place ≥ 0 of the sequence.
  int64_t at(int64_t place) {
    const auto epoch = static_cast<uint64_t>(place / n_);
    if (order_.empty() || epoch != epoch_)
      order_ = learner::shuffled(n_, seed_, stream_, epoch_ = epoch);
    return order_[static_cast<size_t>(place % n_)];
  }

 private:
  int64_t n_;
  uint64_t seed_, stream_, epoch_ = 0;
  std::vector<int64_t> order_;  // of epoch_
};

}  // namespace amalgam::pipeline
