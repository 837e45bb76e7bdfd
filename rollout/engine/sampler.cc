#include "rollout/engine/sampler.h"

#include "kernels/head/categorical.h"
#include "kernels/head/softmax.h"

namespace amalgam::rollout {

SampledToken sample_token(const float* logits, int64_t vocab_size, double temperature,
                          const kernels::RngKey& key, uint64_t position) {
  int64_t token = 0;
  if (temperature == 0) {
    for (int64_t v = 1; v < vocab_size; ++v)
      if (logits[v] > logits[token]) token = v;
  } else {
    token = kernels::sample_categorical(logits, vocab_size, static_cast<float>(temperature),
                                        kernels::uniform(key, position));
  }
  return {static_cast<int32_t>(token), kernels::log_softmax_at(logits, vocab_size, token)};
}

}  // namespace amalgam::rollout
