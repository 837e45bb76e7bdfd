#include "model/network/weights.h"

#include <type_traits>

#include "configs/check.h"
#include "kernels/gemm/gemm.h"
#include "kernels/quantize/quantize.h"

namespace amalgam::model {
namespace {

using kernels::matrix_shape;
using kernels::vector_shape;

Matrix matrix(int64_t rows, int64_t cols, Storage storage) {
  return {matrix_shape(rows, cols), nullptr, storage};
}

Compressor shape_compressor(const ModelConfig& c, AttentionKind kind, int64_t head_dim) {
  const int64_t width = kind == AttentionKind::kCsa ? 2 * head_dim : head_dim;
  return {matrix(width, c.hidden_size, Storage::kBFloat16),
          matrix(width, c.hidden_size, Storage::kBFloat16),
          matrix_shape(c.compress_rate(kind), width), vector_shape(head_dim)};
}

HyperConnection shape_hc(const ModelConfig& c, int64_t rows, int64_t scales) {
  return {matrix(rows, c.hc_mult * c.hidden_size, Storage::kFloat32), vector_shape(rows),
          vector_shape(scales)};
}

Expert shape_expert(int64_t hidden, int64_t width, Storage storage) {
  return {matrix(width, hidden, storage), matrix(width, hidden, storage),
          matrix(hidden, width, storage)};
}

Block shape_block(const ModelConfig& c, Layer layer) {
  Block b;
  b.attention_kind = layer.attention;
  b.mlp_kind = layer.mlp;
  const int64_t hc_rows = (2 + c.hc_mult) * c.hc_mult;
  b.hc_attn = shape_hc(c, hc_rows, 3);
  b.hc_ffn = shape_hc(c, hc_rows, 3);
  b.attn_norm = b.ffn_norm = vector_shape(c.hidden_size);
  Attention& a = b.attn;
  const int64_t heads_width = c.num_attention_heads * c.head_dim;
  a.wq_a = matrix(c.q_lora_rank, c.hidden_size, Storage::kLinear);
  a.wq_b = matrix(heads_width, c.q_lora_rank, Storage::kLinear);
  a.wkv = matrix(c.head_dim, c.hidden_size, Storage::kLinear);
  a.wo_a = matrix(c.o_groups * c.o_lora_rank, heads_width / c.o_groups, Storage::kLinear);
  a.wo_b = matrix(c.hidden_size, c.o_groups * c.o_lora_rank, Storage::kLinear);
  a.q_norm = vector_shape(c.q_lora_rank);
  a.kv_norm = vector_shape(c.head_dim);
  a.sink = vector_shape(c.num_attention_heads);
  if (layer.attention != AttentionKind::kSliding)
    a.compressor = shape_compressor(c, layer.attention, c.head_dim);
  if (layer.attention == AttentionKind::kCsa) {
    a.indexer.wq_b = matrix(c.index_n_heads * c.index_head_dim, c.q_lora_rank, Storage::kLinear);
    a.indexer.weights_proj = matrix(c.index_n_heads, c.hidden_size, Storage::kBFloat16);
    a.indexer.compressor = shape_compressor(c, layer.attention, c.index_head_dim);
  }
  Moe& m = b.moe;
  m.gate = matrix(c.n_routed_experts, c.hidden_size, Storage::kBFloat16);
  if (layer.mlp == MlpKind::kHashMoe)
    m.tid2eid = {nullptr, c.vocab_size, c.num_experts_per_tok};
  else
    m.bias = vector_shape(c.n_routed_experts);
  m.experts.assign(static_cast<size_t>(c.n_routed_experts),
                   shape_expert(c.hidden_size, c.moe_intermediate_size, Storage::kExpert));
  if (c.n_shared_experts)
    m.shared =
        shape_expert(c.hidden_size, c.n_shared_experts * c.moe_intermediate_size, Storage::kLinear);
  return b;
}

// Calls f on the float tensors only.
template <class F>
struct FloatsOnly {
  F f;
  template <class T>
  void operator()(const std::string&, T& t, Role) const {
    f(t);
  }
  void operator()(const std::string&, const IntTensor&) const {}
};
template <class F>
FloatsOnly(F) -> FloatsOnly<F>;

}  // namespace

Weights::Weights(const ModelConfig& c) {
  embed = matrix_shape(c.vocab_size, c.hidden_size);
  head = matrix(c.vocab_size, c.hidden_size, Storage::kBFloat16);
  norm = vector_shape(c.hidden_size);
  hc_head = shape_hc(c, c.hc_mult, 1);
  for (const Layer& layer : c.layers) blocks.push_back(shape_block(c, layer));
  for (int64_t i = 0; i < c.num_nextn_predict_layers; ++i) {
    MtpBlock m;
    m.block = shape_block(c, {c.mtp_attention, MlpKind::kMoe});
    m.e_proj = m.h_proj = matrix(c.hidden_size, c.hidden_size, Storage::kLinear);
    m.enorm = m.hnorm = m.norm = vector_shape(c.hidden_size);
    m.hc_head = shape_hc(c, c.hc_mult, 1);
    mtp.push_back(std::move(m));
  }
}

int64_t Weights::num_floats() const {
  int64_t n = 0;
  visit(*this, FloatsOnly{[&](const auto& t) { n += t.size(); }});
  return n;
}

int64_t Weights::num_ints() const {
  int64_t n = 0;
  for (const Block& b : blocks)
    n += b.moe.tid2eid.data || b.mlp_kind == MlpKind::kHashMoe ? b.moe.tid2eid.size() : 0;
  return n;
}

void Weights::bind(float* floats, int32_t* ints) {
  struct Bind {
    float* f;
    int32_t* i;
    void operator()(const std::string&, Tensor& t, Role) { t.data = f, f += t.size(); }
    void operator()(const std::string&, IntTensor& t) { t.data = i, i += t.size(); }
  } bind{floats, ints};
  visit(*this, bind);
}

int64_t Weights::num_packed_floats() const {
  int64_t n = 0;
  visit(*this, FloatsOnly{[&](const auto& t) {
    if constexpr (std::is_base_of_v<Matrix, std::decay_t<decltype(t)>>)
      n += kernels::packed_size(t.rows, t.cols);
  }});
  return n;
}

void Weights::bind_packed(float* packed) {
  visit(*this, FloatsOnly{[&](auto& t) {
    if constexpr (std::is_base_of_v<Matrix, std::decay_t<decltype(t)>>) {
      t.packed = packed;
      packed += kernels::packed_size(t.rows, t.cols);
    }
  }});
}

namespace {

bool is_rounded(const Matrix& m, const configs::NumericsConfig& numerics) {
  return numerics.experts_fp4 && m.storage == Storage::kExpert;
}

}  // namespace

int64_t Weights::num_rounded_floats(const configs::NumericsConfig& numerics) const {
  int64_t n = 0;
  visit(*this, FloatsOnly{[&](const auto& t) {
    if constexpr (std::is_base_of_v<Matrix, std::decay_t<decltype(t)>>)
      if (is_rounded(t, numerics)) n += t.size();
  }});
  return n;
}

void Weights::bind_rounded(const configs::NumericsConfig& numerics, float* rounded) {
  visit(*this, FloatsOnly{[&](auto& t) {
    if constexpr (std::is_base_of_v<Matrix, std::decay_t<decltype(t)>>)
      if (is_rounded(t, numerics)) {
        t.rounded = rounded;
        rounded += t.size();
      }
  }});
}

void Weights::pack(const configs::NumericsConfig& numerics) {
  visit(*this, FloatsOnly{[&](auto& t) {
    if constexpr (std::is_base_of_v<Matrix, std::decay_t<decltype(t)>>)
      pack_rows(t, 0, t.rows, numerics);
  }});
}

void pack_rows(const Matrix& m, int64_t begin, int64_t end,
               const configs::NumericsConfig& numerics) {
  CHECK(m.packed != nullptr);
  const float* from = m.row(begin);
  if (is_rounded(m, numerics)) {
    thread_local std::vector<float> scratch;
    float* to = m.rounded ? m.rounded + begin * m.cols : nullptr;
    if (!to) {
      scratch.resize(static_cast<size_t>((end - begin) * m.cols));
      to = scratch.data();
    }
    for (int64_t r = 0; r < end - begin; ++r)
      kernels::fake_quantize_e2m1(from + r * m.cols, m.cols, to + r * m.cols);
    from = to;
  }
  kernels::pack_transposed(from, end - begin, m.cols, m.packed + begin * m.cols);
}

}  // namespace amalgam::model
