// One forward pass in progress: what the block's parts (attention, experts, hyper-connections)
// share. Internal to model/network*.cc.
#pragma once
#include <initializer_list>

#include "kernels/gemm/gemm.h"
#include "kernels/hyper_connection/hyper_connection.h"
#include "model/network/network.h"
#include "model/network/transients.h"

namespace amalgam::model {

// Whether released models multiply by this matrix in FP8 or FP4, with FP8 inputs.
inline bool reads_fp8(const Matrix& w) {
  return w.storage == Storage::kLinear || w.storage == Storage::kExpert;
}

// Throws Error, naming the switch and what to do, when a model of this shape cannot have it.
void check_numerics(const configs::NumericsConfig& numerics, const ModelConfig& config);

struct Network::Pass {
  Network& net;
  const Weights& w;
  const Batch& batch;
  Recording* rec;
  int64_t T;
  const int32_t* positions;                // [T]
  const int32_t* ids;                      // [T]
  Tape* tape = rec ? rec->tape : nullptr;  // null: nothing is recorded
  bool is_rerun = false;                   // in the backward pass, of a layer that was not kept
  mutable Transients transients{net.arena_, net.transient_};

  const ModelConfig& c() const { return net.config_; }
  kernels::ThreadPool& pool() const { return net.pool_; }
  kernels::Arena& arena() const { return net.arena_; }
  kernels::Arena& scratch() const { return net.scratch_; }
  bool recording() const { return tape != nullptr; }

  // How long a value of a recorded pass lives. Gradients inside a sub-block live for its backward
  // steps only.
  enum class Life {
    kKept,      // until its backward step
    kCheap,     // the same, or computed again: its op runs inside again()
    kForward,   // no backward step reads it
    kSubBlock,  // it leaves the sub-block: the gradient is kept too
  };
  bool recomputes_tensors() const {
    return transients.active() && rec->recompute == configs::Recompute::kTensors;
  }
  // Without a gradient.
  Tensor value(int64_t rows, int64_t cols, Life life) const {
    const bool passing = life == Life::kForward && transients.active();
    return passing || (life == Life::kCheap && recomputes_tensors())
               ? Tensor{transients.value(static_cast<size_t>(rows * cols)), rows, cols, 2}
               : arena().matrix(rows, cols);
  }
  Var make(int64_t rows, int64_t cols, Life life = Life::kKept) const {
    const auto n = static_cast<size_t>(rows * cols);
    const bool inside = transients.active() && life != Life::kSubBlock;
    Var x;
    x.v = value(rows, cols, life);
    if (!recording()) return x;
    if (inside) {
      x.g = transients.gradient(pool(), n);
    } else {
      x.g = arena().alloc<float>(n);
      kernels::zero(pool(), x.g, rows * cols);
    }
    return x;
  }
  // Runs f, which fills values that were made kCheap.
  template <class F>
  void again(F f) const {
    f();
    if (recomputes_tensors()) transients.again(f);
  }
  template <class F>
  void record(F f) const {
    if (recording()) tape->record(f);
  }

  enum class Input { kTracked, kDetached };
  struct Projection {
    const Matrix* w;
    Matrix* dw;  // null when not recording
    Var out;
  };
  // out_i = x · W_iᵀ for several weights in one parallel region.
  void project(const Var& x, Input input, std::span<Projection> projections) const;
  Var linear(const Var& x, const Matrix& weight, Matrix* dweight,
             Input input = Input::kTracked) const;
  Var norm(const Var& x, int64_t row_cols, const Tensor* weight, Tensor* dweight,
           const kernels::RopeTable* rope, const int32_t* at, int64_t rows_per_position) const;

  // Quantised compute (model/network/network_numerics.cc). The first two do nothing while their
  // switch is off.
  const configs::NumericsConfig& numerics() const { return net.numerics_; }
  // Cache entries [n, C] that are kCheap, in place where they are made; gradients pass straight
  // through.
  void quantize_entries(const Tensor& entries) const;
  // Indexer keys or queries [n, c_I] or [T, n_I·c_I] of this life, in place: Hadamard, then FP4.
  // Records the transform's backward pass; gradients pass straight through the rounding.
  void quantize_index(const Var& x, Life life) const;
  // x in FP8, blocks of 1 × 128 in rows of `width`, to `out` (which may be x). Callers look at the
  // switch, and call it inside again() for an x that is kCheap.
  static void round_activations(kernels::ThreadPool& pool, const Tensor& x, int64_t width,
                                float* out);
  // The same to a copy, kCheap.
  Tensor rounded_activations(const Tensor& x) const;

  // Rows that go through a layer's attention: all, or in the last layer those of Batch::num_read.
  struct Queries {
    int64_t T;
    const int32_t *positions, *ids;            // [T]
    std::span<const SequenceSlice> sequences;  // their rows among the T
    const int32_t* row = nullptr;              // [T] in the batch; null: all, as they are
  };
  Queries all() const { return {T, positions, ids, batch.sequences}; }
  Queries last_queries() const;
  Tensor pick(const Tensor& x, const Queries& q) const;

  // Where a block keeps what is counted per layer.
  struct BlockPlace {
    int64_t cache_layer;  // of the sequences' caches
    int64_t load_layer;   // of Recording::expert_load
  };
  // X becomes the streams after the block. Without a tape `other` is a second buffer like X; the
  // two change places.
  // The rows of `q` leave it, and are this pass's rows from then on.
  void block(const BlockPlace& place, const Block& b, Block* db, Var& X, Var& other,
             const Queries& q);
  // The same while recording, but keeps X alone: the backward step runs the block again.
  void recomputed_block(const BlockPlace& place, const Block& b, Block* db, Var& X);
  Var streams(int64_t num_layers);
  Var head(const Var& X, const HyperConnection& hc, HyperConnection* dhc) const;
  // Of the rows of `queries`, over the keys of all rows.
  Var attention(int64_t layer, const Var& x, const Attention& a, Attention* da, AttentionKind kind,
                const Queries& queries);
  Var experts(int64_t layer, const Var& x, const Moe& m, Moe* dm, MlpKind kind);
};

}  // namespace amalgam::model
