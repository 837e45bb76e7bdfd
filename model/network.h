// Network: the V4 forward pass (MODEL.md §2), the only one. Prefill, decode, scoring and the
// learner's packed training forward are calls of run() with different batches, so their bits agree.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "configs/numerics_config.h"
#include "kernels/arena.h"
#include "kernels/rope.h"
#include "kernels/thread_pool.h"
#include "model/model_config.h"
#include "model/sequence_cache.h"
#include "model/tape.h"
#include "model/weights.h"

namespace amalgam::model {

// Consecutive rows of a batch that belong to one sequence.
struct SequenceSlice {
  int64_t row = 0, num_rows = 0;
  SequenceCache* cache = nullptr;  // inference: read, extended and advanced. null: a whole sequence
};

struct Batch {
  std::span<const int32_t> ids;  // [T], each in [0, V)
  std::span<const SequenceSlice> sequences;
};

// What a training pass records besides the tape.
struct Recording {
  Tape* tape = nullptr;
  Weights* grads = nullptr;          // accumulated into
  float index_loss_coefficient = 0;  // per token; 0 = the indexer gets no gradient
  double index_loss = 0;             // out, after backward: Σ_t KL over all CSA layers
  std::vector<std::vector<int64_t>> expert_load = {};  // out: [layers][E] tokens per expert
};

// How much the indexer left out, summed over the CSA layers and tokens of all run() calls.
struct IndexerCounters {
  int64_t visible = 0, selected = 0;
  // With numerics.index_scores_bf16, where something was left out: entries selected, and those
  // among them that f32 scores select too.
  int64_t compared = 0, agreed = 0;
};

class Network {
 public:
  // Throws Error when the model's shape does not allow what `numerics` asks for. The weights given
  // to run() are packed with the same numerics.
  Network(const ModelConfig& config, kernels::ThreadPool& pool,
          const configs::NumericsConfig& numerics = {});

  // Hidden states after the final norm, [T, D], in the arena. The caller resets the arena when it
  // is done with them (and has run the tape).
  Var run(const Weights& weights, const Batch& batch, Recording* recording);
  // out [n, V] = hidden rows · headᵀ; rows of `hidden` by index.
  void logits(const Weights& weights, const kernels::Tensor& hidden, std::span<const int32_t> rows,
              float* out);

  const ModelConfig& config() const { return config_; }
  const configs::NumericsConfig& numerics() const { return numerics_; }
  kernels::Arena& arena() { return arena_; }
  kernels::Arena& scratch() { return scratch_; }  // for callers, between runs
  kernels::ThreadPool& pool() { return pool_; }
  IndexerCounters& indexer_counters() { return counters_; }

  struct Pass;  // one run() in progress; internal to model/network*.cc

 private:
  ModelConfig config_;
  kernels::ThreadPool& pool_;
  configs::NumericsConfig numerics_;
  kernels::Arena arena_, scratch_;
  kernels::RopeTable rope_main_, rope_compress_;
  IndexerCounters counters_;
};

}  // namespace amalgam::model
