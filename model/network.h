// Network: the V4 forward pass (MODEL.md §2), the only one. Prefill, decode, scoring and the
// learner's packed training forward are calls of run() with different batches, so their bits agree.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "configs/recompute.h"
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
  // Experts of the learned MoE layers, [num_learned_moe(config), T, K]; empty: nothing given,
  // nothing asked for.
  std::span<const int32_t> given_experts = {};  // in place of the router's choice
  std::span<int32_t> chosen_experts = {};       // out
};

// What tokens of CSA layers attend to while training, and the indexer's loss is over.
enum class IndexedEntries {
  kSelected,   // what the indexer chose, as in inference
  kAllVisible  // the indexer's warm-up: dense attention
};

// What a training pass records besides the tape.
struct Recording {
  Tape* tape = nullptr;
  Weights* grads = nullptr;          // accumulated into
  float index_loss_coefficient = 0;  // per token; 0 = the indexer gets no gradient
  double index_loss = 0;             // out, after backward: Σ_t KL over all CSA layers
  IndexedEntries indexed_entries = IndexedEntries::kSelected;
  configs::Recompute recompute = configs::Recompute::kNone;
  // Of the balance loss, per sequence; 0 = none. Layers that route by a hash have none: no score
  // chooses there.
  float balance_loss_coefficient = 0;
  double balance_loss = 0;    // out, after backward: Σ over learned MoE layers and sequences
  int64_t balance_terms = 0;  // out: their number
  std::vector<std::vector<int64_t>> expert_load = {};  // out, after backward: [layers][E] tokens
};

// How much the indexer left out, summed over the CSA layers and tokens of all run() calls.
struct IndexerCounters {
  int64_t visible = 0, selected = 0;
};

int64_t num_learned_moe(const ModelConfig& config);  // layers that choose their experts

class Network {
 public:
  Network(const ModelConfig& config, kernels::ThreadPool& pool);

  // Hidden states after the final norm, [T, D], in the arena. The caller resets the arena when it
  // is done with them (and has run the tape).
  Var run(const Weights& weights, const Batch& batch, Recording* recording);
  // out [n, V] = hidden rows · headᵀ; rows of `hidden` by index.
  void logits(const Weights& weights, const kernels::Tensor& hidden, std::span<const int32_t> rows,
              float* out);

  const ModelConfig& config() const { return config_; }
  kernels::Arena& arena() { return arena_; }
  kernels::Arena& scratch() { return scratch_; }  // for callers, between runs
  // Most bytes that values and gradients of passes have taken at once, those of tensors that are
  // computed again included.
  size_t activation_bytes() const { return arena_.peak_bytes() + transient_.peak_bytes(); }
  kernels::ThreadPool& pool() { return pool_; }
  IndexerCounters& indexer_counters() { return counters_; }

  struct Pass;  // one run() in progress; internal to model/network*.cc

 private:
  ModelConfig config_;
  kernels::ThreadPool& pool_;
  kernels::Arena arena_, scratch_;
  kernels::Arena transient_;  // model/transients.h
  kernels::RopeTable rope_main_, rope_compress_;
  IndexerCounters counters_;
};

}  // namespace amalgam::model
