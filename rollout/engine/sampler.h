// Sampling one token from logits (POST_TRAINING.md §6). A sample is a pure function of (logits row,
// temperature, key, position): the uniform number comes from Philox keyed by (run seed, stream,
// request, position), and the inverse CDF is summed in one fixed order. So a token does not depend
// on what else is in the batch, and a draft is right iff it equals this function's result.
#pragma once
#include <cstdint>

#include "kernels/device/rng.h"

namespace amalgam::rollout {

struct SamplingParams {
  double temperature = 1;
  kernels::RngKey key;
};

struct SampledToken {
  int32_t id = 0;
  // Under the policy that was sampled from, softmax(z / temperature): what is logged and trained
  // on. At temperature 0, where that policy has only one token, untempered.
  float logprob = 0;
  float untempered_logprob = 0;  // under softmax(z)
};

// logits z [V]. Temperature 0 takes the largest logit (the smaller id on a tie).
SampledToken sample_token(const float* logits, int64_t vocab_size, double temperature,
                          const kernels::RngKey& key, uint64_t position);

}  // namespace amalgam::rollout
