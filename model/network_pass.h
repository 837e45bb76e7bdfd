// One forward pass in progress: what the block's parts (attention, experts, hyper-connections)
// share. Internal to model/network*.cc.
#pragma once
#include <initializer_list>

#include "kernels/gemm.h"
#include "kernels/hyper_connection.h"
#include "model/network.h"

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

  // Quantised compute (model/network_numerics.cc). The first two do nothing while their switch is
  // off.
  const configs::NumericsConfig& numerics() const { return net.numerics_; }
  // Cache entries [n, C], in place where they are made; gradients pass straight through.
  void quantize_entries(const Tensor& entries) const;
  // Indexer keys or queries [n, c_I] or [T, n_I·c_I], in place: Hadamard, then FP4. Records the
  // transform's backward pass; gradients pass straight through the rounding.
  void quantize_index(const Var& x) const;
  // x in FP8, blocks of 1 × 128 in rows of `width`, to `out` (which may be x) or to the arena.
  // Callers look at the switch.
  void round_activations(const Tensor& x, int64_t width, float* out) const;
  Tensor rounded_activations(const Tensor& x) const;

  Var streams(int64_t num_layers);
  Var head(const Var& X, const HyperConnection& hc, HyperConnection* dhc) const;
  Var attention(int64_t layer, const Var& x, const Attention& a, Attention* da, AttentionKind kind);
  Var experts(int64_t layer, const Var& x, const Moe& m, Moe* dm, MlpKind kind);
};

}  // namespace amalgam::model
