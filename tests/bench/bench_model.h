// What the end-to-end benchmarks share: the model sizes that every comparison uses, with random
// weights, and random tokens.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "kernels/device/rng.h"
#include "kernels/device/thread_pool.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/init.h"
#include "model/network/model_config.h"

namespace amalgam::bench {

inline constexpr int kThreads = 2;  // as the peers' scripts

inline kernels::ThreadPool& pool() {
  static kernels::ThreadPool p(kThreads);
  return p;
}

// `size` names a file of tests/golden/sizes.
inline model::ModelConfig size_config(const std::string& size) {
  return model::load_model_config(std::filesystem::path(__FILE__).parent_path() /
                                  "../golden/sizes" / (size + ".json"));
}

inline model::Model random_model(const model::ModelConfig& config) {
  model::Model m = model::allocate_model(config);
  model::init_weights(config, 1, m.weights);
  return m;
}

inline std::vector<int32_t> random_ids(int64_t n, int64_t vocab_size, uint64_t stream) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < n; ++i)
    ids.push_back(static_cast<int32_t>(kernels::uniform_int(
        {.stream = stream}, static_cast<uint64_t>(i), static_cast<uint64_t>(vocab_size))));
  return ids;
}

}  // namespace amalgam::bench
