// One forward pass in progress: what the block's parts (attention, experts, hyper-connections)
// share. Internal to model/network*.cc.
#pragma once
#include <initializer_list>

#include "kernels/gemm.h"
#include "kernels/hyper_connection.h"
#include "model/network.h"
#include "model/transients.h"

namespace amalgam::model {

struct Network::Pass {
  Network& net;
  const Weights& w;
  const Batch& batch;
  Recording* rec;
  int64_t T;
  const int32_t* positions;                // [T]
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
    return recording() && transients.active() && rec->recompute == configs::Recompute::kTensors;
  }
  Var make(int64_t rows, int64_t cols, Life life = Life::kKept) const {
    const auto n = static_cast<size_t>(rows * cols);
    const bool inside = recording() && transients.active() && life != Life::kSubBlock;
    Var x;
    x.v = inside && (life == Life::kForward || (life == Life::kCheap && recomputes_tensors()))
              ? Tensor{transients.value(n), rows, cols, 2}
              : arena().matrix(rows, cols);
    if (recording()) x.g = inside ? transients.gradient(n) : arena().alloc_zero<float>(n);
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

  // Where a block keeps what is counted per layer.
  struct BlockPlace {
    int64_t cache_layer;  // of the sequences' caches
    int64_t load_layer;   // of Recording::expert_load
  };
  // X becomes the streams after the block. Without a tape `other` is a second buffer like X; the
  // two change places.
  void block(const BlockPlace& place, const Block& b, Block* db, Var& X, Var& other);
  // The same while recording, but keeps X alone: the backward step runs the block again.
  void recomputed_block(const BlockPlace& place, const Block& b, Block* db, Var& X);
  Var streams(int64_t num_layers);
  Var head(const Var& X, const HyperConnection& hc, HyperConnection* dhc) const;
  Var attention(int64_t layer, const Var& x, const Attention& a, Attention* da, AttentionKind kind);
  Var experts(int64_t layer, const Var& x, const Moe& m, Moe* dm, MlpKind kind);
};

}  // namespace amalgam::model
