// Weights: every tensor of a V4 model, by its released name (MODEL.md §7).
//
// A plain struct of views. The same struct holds parameters, gradients, optimiser moments and
// teachers: visit() is the one list of names and shapes that naming, saving, loading, the optimiser
// and comparison share.
#pragma once
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "configs/numerics_config.h"
#include "kernels/device/tensor.h"
#include "model/network/model_config.h"

namespace amalgam::model {

using kernels::IntTensor;
using kernels::Tensor;

// What the optimiser does with a tensor (MODEL.md §4).
enum class Role {
  kMatrix,      // 2-D weight: Muon
  kAdam,        // embedding, head, norms, sinks, mHC base and scale, ape: AdamW
  kBalanceBias  // the router's selection bias: moved by the load balance rule, never by a gradient
};

// How released checkpoints hold a tensor, and so which tensors quantised compute touches (MODEL.md
// §3).
enum class Storage {
  kFloat32,   // mHC, sinks, ape, selection bias
  kBFloat16,  // embedding, head, norms, router, compressors, the indexer's head weights
  kLinear,    // E4M3 in 128 × 128 tiles: projections of attention, indexer and MTP, shared experts
  kExpert     // routed experts: packed E2M1 in 1 × 32 blocks
};

// A linear layer's weight [out, in]. `packed` (kernels::pack_transposed) is what forward passes
// read; it is a cache of `data`, or of its fake-quantised values (pack_rows), and is refreshed
// whenever the weights change.
struct Matrix : Tensor {
  float* packed = nullptr;
  Storage storage = Storage::kBFloat16;
  // Row-major values behind `packed` where they are not `data`: training with quantised weights
  // needs them for the gradient of the layer's input.
  float* rounded = nullptr;

  const float* compute() const { return rounded ? rounded : data; }
};

struct Compressor {
  Matrix wkv, wgate;  // [c or 2c, D]
  Tensor ape;         // [m, c or 2c]
  Tensor norm;        // [c]
};

struct Indexer {
  Matrix wq_b;          // [n_I * c_I, d_c]
  Matrix weights_proj;  // [n_I, D]
  Compressor compressor;
};

struct Attention {
  Matrix wq_a, wq_b, wkv, wo_a, wo_b;  // [d_c,D] [H*C,d_c] [C,D] [g*d_g,H*C/g] [D,g*d_g]
  Tensor q_norm, kv_norm, sink;        // [d_c] [C] [H]
  Compressor compressor;               // CSA and HCA
  Indexer indexer;                     // CSA
};

struct Expert {
  Matrix w1, w3;  // [I, D]
  Matrix w2;      // [D, I]
};

struct Moe {
  Matrix gate;        // [E, D]
  Tensor bias;        // [E], learned layers
  IntTensor tid2eid;  // [V, K], hash layers
  std::vector<Expert> experts;
  Expert shared;  // width n_shared_experts * I
};

struct HyperConnection {
  Matrix fn;           // [(2 + n_hc) * n_hc, n_hc * D]; head: [n_hc, n_hc * D]
  Tensor base, scale;  // [(2 + n_hc) * n_hc] [3]; head: [n_hc] [1]
};

struct Block {
  AttentionKind attention_kind = AttentionKind::kSliding;
  MlpKind mlp_kind = MlpKind::kMoe;
  HyperConnection hc_attn, hc_ffn;
  Tensor attn_norm, ffn_norm;  // [D]
  Attention attn;
  Moe moe;
};

struct MtpBlock {
  Block block;
  Matrix e_proj, h_proj;      // [D, D]
  Tensor enorm, hnorm, norm;  // [D]
  HyperConnection hc_head;
};

struct Weights {
  Tensor embed;  // [V, D]
  Matrix head;   // [V, D]
  Tensor norm;   // [D]
  HyperConnection hc_head;
  std::vector<Block> blocks;
  std::vector<MtpBlock> mtp;

  // All shapes set, all data null.
  explicit Weights(const ModelConfig& config);
  Weights() = default;

  int64_t num_floats() const;  // of all float tensors
  int64_t num_ints() const;
  // Points the tensors, in visiting order, into one block of num_floats() (num_ints()) elements.
  void bind(float* floats, int32_t* ints);
  int64_t num_packed_floats() const;
  void bind_packed(float* packed);
  // Of the matrices that `numerics` rounds: Matrix::rounded, needed by backward passes only.
  int64_t num_rounded_floats(const configs::NumericsConfig& numerics) const;
  void bind_rounded(const configs::NumericsConfig& numerics, float* rounded);
  // Refreshes every Matrix::packed (and rounded, where bound) from its data.
  void pack(const configs::NumericsConfig& numerics = {});
};

// Refreshes rows [begin, end) of m.packed; begin is a multiple of kernels::kPanel, end too or the
// last row. Routed experts are fake-quantised to FP4 first where `numerics` says so.
void pack_rows(const Matrix& m, int64_t begin, int64_t end,
               const configs::NumericsConfig& numerics);

// f(name, Tensor&, Role) for every float tensor and f(name, IntTensor&) for every table, in a fixed
// order: the released one, blocks ascending. `Matrix` arrives as Matrix&, other tensors as Tensor&.
template <class W, class F>
void visit(W& weights, F&& f);

// Storage of a tensor that visit() names.
template <class T>
Storage storage_of(const std::string& released_name, const T& tensor) {
  if constexpr (std::is_base_of_v<Matrix, T>) return tensor.storage;
  return released_name.ends_with(".weight") ? Storage::kBFloat16 : Storage::kFloat32;
}

}  // namespace amalgam::model

#include "model/network/weights_visit.h"
