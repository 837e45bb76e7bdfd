// A small random model with every kind of layer and no round dimension, and forward passes over it,
// for the tests of the network and of the rollout engine.
#pragma once
#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/device/rng.h"
#include "kernels/head/head_policy.h"
#include "model/checkpoint/init.h"
#include "model/checkpoint/packed_model.h"
#include "model/network/network.h"

namespace amalgam::model {

inline ModelConfig odd_config() {
  ModelConfig c;
  c.vocab_size = 37;
  c.hidden_size = 22;
  c.num_attention_heads = 3;
  c.head_dim = 14;
  c.qk_rope_head_dim = 6;
  c.q_lora_rank = 13;
  c.o_groups = 3;
  c.o_lora_rank = 5;
  c.sliding_window = 5;
  c.csa_rate = 3;
  c.hca_rate = 7;
  c.index_n_heads = 3;
  c.index_head_dim = 10;
  c.index_topk = 4;
  c.n_routed_experts = 5;
  c.num_experts_per_tok = 2;
  c.moe_intermediate_size = 9;
  c.routed_scaling_factor = 1.5;
  c.swiglu_limit = 3;
  c.hc_mult = 3;
  c.hc_sinkhorn_iters = 5;
  c.yarn = Yarn{.factor = 4, .original_max_position_embeddings = 64};
  c.layers = {{AttentionKind::kSliding, MlpKind::kHashMoe},
              {AttentionKind::kCsa, MlpKind::kHashMoe},
              {AttentionKind::kHca, MlpKind::kMoe},
              {AttentionKind::kCsa, MlpKind::kMoe}};
  return c;
}

// init_weights is nearly uniform over tokens: here all tensors matter, those that start at 0 too.
inline PackedModel odd_model(const ModelConfig& config, uint64_t seed,
                             const configs::NumericsConfig& numerics = {}) {
  Model m = allocate_model(config);
  init_weights(config, seed, m.weights);
  struct Stir {
    kernels::RngKey key;
    void operator()(const std::string&, Tensor& t, Role role) {
      for (int64_t i = 0; i < t.size(); ++i) {
        const double u = 2 * kernels::uniform(key, static_cast<uint64_t>(i)) - 1;
        t.data[i] =
            role == Role::kMatrix ? 12 * t.data[i] : t.data[i] + static_cast<float>(0.3 * u);
      }
      ++key.request;
    }
    void operator()(const std::string&, IntTensor&) {}
  } stir{{.seed = seed, .stream = 99}};
  visit(m.weights, stir);
  return PackedModel(std::move(m), numerics, Passes::kForwardAndBackward);
}

inline Model zero_gradients(const ModelConfig& config) {
  Model grads = allocate_model(config);
  std::fill(grads.floats.data(), grads.floats.data() + grads.floats.size(), 0.0f);
  return grads;
}

using Ids = std::vector<int32_t>;
using Rows = std::vector<float>;  // [tokens, D]

inline Ids random_ids(const ModelConfig& config, int64_t n, uint64_t stream) {
  Ids ids;
  for (int64_t i = 0; i < n; ++i)
    ids.push_back(static_cast<int32_t>(
        kernels::uniform_int({.seed = 5, .stream = stream}, static_cast<uint64_t>(i),
                             static_cast<uint64_t>(config.vocab_size))));
  return ids;
}

// Sequences one after the other in one batch.
struct Packed {
  explicit Packed(const std::vector<Ids>& sequences) {
    for (const Ids& s : sequences) {
      slices.push_back({static_cast<int64_t>(ids.size()), static_cast<int64_t>(s.size()), nullptr});
      ids.insert(ids.end(), s.begin(), s.end());
    }
  }
  Batch batch() const { return {ids, slices}; }
  Ids ids;
  std::vector<SequenceSlice> slices;
};

// The hidden rows of each sequence of a batch that was run.
inline std::vector<Rows> split_rows(const Tensor& hidden, std::span<const SequenceSlice> slices) {
  std::vector<Rows> rows;
  for (const SequenceSlice& s : slices)
    rows.emplace_back(hidden.row(s.row), hidden.row(s.row + s.num_rows));
  return rows;
}

// The learner's forward: packed, on a tape.
inline std::vector<Rows> training_hidden(const PackedModel& m, const std::vector<Ids>& sequences,
                                         int threads,
                                         const configs::NumericsConfig& numerics = {}) {
  kernels::ThreadPool pool(threads);
  Network net(m.config(), pool, numerics);
  Model grads = zero_gradients(m.config());
  Tape tape(net.arena());
  Recording recording{.tape = &tape, .grads = &grads.weights};
  const Packed packed(sequences);
  return split_rows(net.run(m.weights(), packed.batch(), &recording).v, packed.slices);
}

inline constexpr int64_t kMaxPositions = 80;

// Feeds sequences through their caches, steps[i] tokens of sequence i at a time, all side by side.
inline std::vector<Rows> cached_hidden(const PackedModel& m, const std::vector<Ids>& sequences,
                                       const std::vector<int64_t>& steps, int threads,
                                       const configs::NumericsConfig& numerics = {}) {
  kernels::ThreadPool pool(threads);
  Network net(m.config(), pool, numerics);
  const auto layout = std::make_shared<CacheLayout>(m.config(), kMaxPositions);
  std::vector<std::unique_ptr<SequenceCache>> caches;
  for (size_t i = 0; i < sequences.size(); ++i)
    caches.push_back(std::make_unique<SequenceCache>(layout));
  std::vector<Rows> all(sequences.size());
  for (;;) {
    Ids ids;
    std::vector<SequenceSlice> slices;
    std::vector<size_t> fed;
    for (size_t i = 0; i < sequences.size(); ++i) {
      const int64_t at = caches[i]->position();
      const int64_t rows = std::min(steps[i], static_cast<int64_t>(sequences[i].size()) - at);
      if (rows == 0) continue;
      slices.push_back({static_cast<int64_t>(ids.size()), rows, caches[i].get()});
      ids.insert(ids.end(), sequences[i].begin() + at, sequences[i].begin() + at + rows);
      fed.push_back(i);
    }
    if (fed.empty()) return all;
    net.arena().reset();
    const Var hidden = net.run(m.weights(), {ids, slices}, nullptr);
    const auto rows = split_rows(hidden.v, slices);
    for (size_t k = 0; k < fed.size(); ++k)
      all[fed[k]].insert(all[fed[k]].end(), rows[k].begin(), rows[k].end());
  }
}

// The log-probability of ids[i + 1] after ids[0 … i], as the learner computes it.
inline std::vector<float> packed_logprobs(const PackedModel& m, const Ids& ids, int threads,
                                          double temperature = 1) {
  kernels::ThreadPool pool(threads);
  Network net(m.config(), pool);
  const Packed packed({ids});
  const Var hidden = net.run(m.weights(), packed.batch(), nullptr);
  Ids targets(ids.begin() + 1, ids.end());
  targets.push_back(-1);
  std::vector<float> logprob(ids.size()), lse(ids.size());
  kernels::head_logprobs(
      pool, net.scratch(),
      {.head = {m.weights().head.data, m.config().vocab_size, m.config().hidden_size},
       .hidden = hidden.v.data,
       .targets = targets.data(),
       .tokens = static_cast<int64_t>(ids.size()),
       .temperature = temperature},
      {.logprob = logprob.data(), .lse = lse.data()});
  logprob.pop_back();
  return logprob;
}

}  // namespace amalgam::model
