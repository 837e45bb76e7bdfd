// A model with every kind of tensor, small enough for hundreds of steps in a test.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/device/arena.h"
#include "kernels/device/rng.h"
#include "model/network/weights.h"
#include "tests/temp_dir.h"

namespace amalgam::learner::testing {

inline model::ModelConfig small_config() {
  using model::AttentionKind, model::MlpKind;
  model::ModelConfig c;
  c.vocab_size = 37;
  c.hidden_size = 24;
  c.num_attention_heads = 2;
  c.head_dim = 8;
  c.qk_rope_head_dim = 4;
  c.q_lora_rank = 12;
  c.o_groups = 2;
  c.o_lora_rank = 5;
  c.sliding_window = 8;
  c.csa_rate = 4;
  c.hca_rate = 16;
  c.index_n_heads = 2;
  c.index_head_dim = 4;
  c.index_topk = 4;
  c.n_routed_experts = 4;
  c.num_experts_per_tok = 2;
  c.moe_intermediate_size = 10;
  c.hc_mult = 2;
  c.layers = {{AttentionKind::kSliding, MlpKind::kHashMoe},
              {AttentionKind::kCsa, MlpKind::kMoe},
              {AttentionKind::kHca, MlpKind::kMoe}};
  c.num_nextn_predict_layers = 1;
  return c;
}

// Weights with their own memory.
struct OwnedWeights {
  explicit OwnedWeights(const model::ModelConfig& config) : weights(config) {
    floats.assign(static_cast<size_t>(weights.num_floats()), 0.0f);
    ints.assign(static_cast<size_t>(weights.num_ints()), 0);
    weights.bind(floats.data(), ints.data());
  }
  std::vector<float> floats;
  std::vector<int32_t> ints;
  model::Weights weights;
};

inline float random_value(uint64_t stream, uint64_t i) {
  return static_cast<float>(2 * kernels::uniform({.seed = 3, .stream = stream}, i) - 1);
}

inline OwnedWeights random_weights(const model::ModelConfig& config, uint64_t stream) {
  OwnedWeights w(config);
  for (size_t i = 0; i < w.floats.size(); ++i) w.floats[i] = 0.1f * random_value(stream, i);
  for (size_t i = 0; i < w.ints.size(); ++i)
    w.ints[i] = static_cast<int32_t>(i % static_cast<size_t>(config.n_routed_experts));
  return w;
}

// All floats in visiting order.
inline std::vector<float> flatten(const model::Weights& w) {
  struct Append {
    std::vector<float> all;
    void operator()(const std::string&, const kernels::Tensor& t, model::Role) {
      all.insert(all.end(), t.data, t.data + t.size());
    }
    void operator()(const std::string&, const kernels::IntTensor&) {}
  } append;
  visit(w, append);
  return append.all;
}

inline std::vector<uint32_t> bits(const std::vector<float>& x) {
  std::vector<uint32_t> b(x.size());
  std::memcpy(b.data(), x.data(), x.size() * sizeof(float));
  return b;
}

}  // namespace amalgam::learner::testing
