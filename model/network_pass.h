// One forward pass in progress: what the block's parts (attention, experts, hyper-connections)
// share. Internal to model/network*.cc.
#pragma once
#include <initializer_list>

#include "kernels/gemm.h"
#include "kernels/hyper_connection.h"
#include "model/network.h"

namespace amalgam::model {

struct Network::Pass {
  Network& net;
  const Weights& w;
  const Batch& batch;
  Recording* rec;
  int64_t T;
  const int32_t* positions;  // [T]

  const ModelConfig& c() const { return net.config_; }
  kernels::ThreadPool& pool() const { return net.pool_; }
  kernels::Arena& arena() const { return net.arena_; }
  kernels::Arena& scratch() const { return net.scratch_; }
  bool recording() const { return rec != nullptr; }

  Var make(int64_t rows, int64_t cols) const {
    return {arena().matrix(rows, cols),
            recording() ? arena().alloc_zero<float>(static_cast<size_t>(rows * cols)) : nullptr};
  }
  template <class F>
  void record(F f) const {
    if (recording()) rec->tape->record(f);
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
  Var streams(int64_t num_layers);
  Var head(const Var& X, const HyperConnection& hc, HyperConnection* dhc) const;
  Var attention(int64_t layer, const Var& x, const Attention& a, Attention* da, AttentionKind kind);
  Var experts(int64_t layer, const Var& x, const Moe& m, Moe* dm, MlpKind kind);
};

}  // namespace amalgam::model
