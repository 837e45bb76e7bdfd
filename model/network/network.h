// Network: the V4 forward pass (MODEL.md §2), the only one. Prefill, decode, scoring and the
// learner's packed training forward are calls of run() with different batches, so their bits agree.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "configs/numerics_config.h"
#include "configs/recompute.h"
#include "kernels/attention/rope.h"
#include "kernels/device/arena.h"
#include "kernels/device/thread_pool.h"
#include "model/network/model_config.h"
#include "model/network/sequence_cache.h"
#include "model/network/tape.h"
#include "model/network/weights.h"

namespace amalgam::model {

// Consecutive rows of a batch that belong to one sequence.
struct SequenceSlice {
  int64_t row = 0, num_rows = 0;
  SequenceCache* cache = nullptr;  // inference: read, extended and advanced. null: a whole sequence
};

struct Batch {
  std::span<const int32_t> ids;  // [T], each in [0, V)
  std::span<const SequenceSlice> sequences;
  // Choices of the model's own layers (model/network/choices.h): experts of the learned MoE layers,
  // [num_learned_moe(config), T, K], and compressed entries of the CSA layers, [num_csa(config), T,
  // index_topk]; of a token that sees too few entries to leave one out -1. Empty: nothing given,
  // nothing asked for.
  std::span<const int32_t> given_experts = {}, given_entries = {};  // in place of the pass's own;
                                                                    // a token's first -1: its own
  std::span<int32_t> chosen_experts = {}, chosen_entries = {};      // out
  // Inference: of each sequence, how many of its last rows the caller reads; run() returns those
  // alone, one sequence after the other. Of the other rows the last layer computes what its cache
  // keeps. Empty: all rows are read.
  std::span<const int64_t> num_read = {};
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
  // out, after backward: [layers + MTP blocks][E] tokens per expert; empty for a block that did not
  // run
  std::vector<std::vector<int64_t>> expert_load = {};
};

// What the MTP block's loss trains.
enum class MtpGradient {
  kAll,       // the block, and through the streams, the embedding and the head the whole model
  kBlockOnly  // the block alone: its inputs are detached, so other losses stay what they are
};

// Rows of an MTP pass (MODEL.md §2.6): each joins the streams of one token with the token after it
// and predicts the one after that. A row's place in its sequence is that of the streams' token.
struct MtpBatch {
  std::span<const int32_t> ids;              // [R] the token after each row's
  std::span<const int32_t> rows;             // [R] each row's token, a row of `streams`, none twice
  Var streams;                               // [T, n_hc * D], of run()
  std::span<const SequenceSlice> sequences;  // of the R rows; caches of CacheLayout::mtp()
  MtpGradient gradient = MtpGradient::kAll;
};

// How much the indexer left out, summed over the CSA layers and tokens of all run() calls (those of
// refused drafts among them; of the last layer only rows that are read, Batch::num_read).
struct IndexerCounters {
  int64_t visible = 0, selected = 0;
  // With numerics.index_scores_bf16, where something was left out: entries selected, and those
  // among them that f32 scores select too.
  int64_t compared = 0, agreed = 0;
};

// What passes compute in. Networks that take turns may have one: what the other left there is lost.
struct PassMemory {
  kernels::Arena arena, scratch;
  kernels::Arena transient;  // model/network/transients.h
};

class Network {
 public:
  // Throws Error when the model's shape does not allow what `numerics` asks for. The weights given
  // to run() are packed with the same numerics. `memory`: null: its own.
  Network(const ModelConfig& config, kernels::ThreadPool& pool,
          const configs::NumericsConfig& numerics = {},
          std::shared_ptr<PassMemory> memory = nullptr);

  // Hidden states after the final norm, [T, D] (or of the rows in Batch::num_read), in the arena.
  // The caller resets the arena when it is done with them (and has run the tape). `streams`, when
  // asked for: the residual streams after the last layer, [T, n_hc * D], as long-lived; only where
  // all rows are read.
  Var run(const Weights& weights, const Batch& batch, Recording* recording, Var* streams = nullptr);
  // The same for the MTP block, after a run() with the same recording: hidden states [R, D] for the
  // shared head. Needs weights with an MTP block.
  Var run_mtp(const Weights& weights, const MtpBatch& batch, Recording* recording);
  // out [n, V] = hidden rows · headᵀ; rows of `hidden` by index.
  void logits(const Weights& weights, const kernels::Tensor& hidden, std::span<const int32_t> rows,
              float* out);

  const ModelConfig& config() const { return config_; }
  const configs::NumericsConfig& numerics() const { return numerics_; }
  kernels::Arena& arena() { return arena_; }
  kernels::Arena& scratch() { return scratch_; }  // for callers, between runs
  // Most bytes that values and gradients of passes have taken at once, those of tensors that are
  // computed again included.
  size_t activation_bytes() const { return arena_.peak_bytes() + transient_.peak_bytes(); }
  const std::shared_ptr<PassMemory>& memory() const { return memory_; }
  kernels::ThreadPool& pool() { return pool_; }
  IndexerCounters& indexer_counters() { return counters_; }

  struct Pass;  // one run() in progress; internal to model/network*.cc

 private:
  // Position of every row, [T], in the arena; the rope tables reach them.
  const int32_t* place(const Batch& batch, const Recording* recording);

  ModelConfig config_;
  kernels::ThreadPool& pool_;
  configs::NumericsConfig numerics_;
  std::shared_ptr<PassMemory> memory_;
  kernels::Arena &arena_, &scratch_, &transient_;  // of it
  kernels::RopeTable rope_main_, rope_compress_;
  IndexerCounters counters_;
};

}  // namespace amalgam::model
