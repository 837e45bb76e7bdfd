#include "rollout/engine/sampler.h"

#include <vector>

#include "kernels/head/categorical.h"
#include "kernels/head/softmax.h"

namespace amalgam::rollout {

SampledToken sample_token(const float* logits, int64_t vocab_size, double temperature,
                          const kernels::RngKey& key, uint64_t position) {
  const float* z = logits;  // of the policy
  if (temperature != 0 && temperature != 1) {
    thread_local std::vector<float> tempered;
    tempered.resize(static_cast<size_t>(vocab_size));
    kernels::temper(logits, vocab_size, temperature, tempered.data());
    z = tempered.data();
  }
  int64_t token = 0;
  if (temperature == 0) {
    for (int64_t v = 1; v < vocab_size; ++v)
      if (logits[v] > logits[token]) token = v;
  } else {
    token = kernels::sample_categorical(z, vocab_size, kernels::uniform(key, position));
  }
  const float untempered = kernels::log_softmax_at(logits, vocab_size, token);
  return {static_cast<int32_t>(token),
          z == logits ? untempered : kernels::log_softmax_at(z, vocab_size, token), untempered};
}

}  // namespace amalgam::rollout
