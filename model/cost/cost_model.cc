#include "model/cost/cost_model.h"

#include <algorithm>

#include "kernels/quantize/quantize.h"
#include "model/network/weights.h"

namespace amalgam::model {
namespace {

// Σ ⌊i / rate⌋ for i = 1 … n: q full runs of `rate` equal values 0 … q-1, then the rest of value q.
Int128 sum_of_quotients(int64_t n, int64_t rate) {
  const Int128 q = n / rate, rest = n % rate;
  return rate * (q * (q - 1) / 2) + q * (rest + 1);
}

// Multiply-adds become FLOPs: 2 each, times the weight of the precision.
constexpr Int128 kFp8 = 2, kBf16 = 4, kFp4Dot = 1;

int64_t entry_bytes(const ModelConfig& c, KvStorage storage) {
  if (storage == KvStorage::kF32) return 4 * c.head_dim;
  const int64_t fp8 = c.head_dim - c.qk_rope_head_dim;
  return fp8 + 2 * c.qk_rope_head_dim + kernels::num_tiles(kernels::num_tiles(fp8, 64), 8) * 8;
}

int64_t index_key_bytes(const ModelConfig& c, KvStorage storage) {
  if (storage == KvStorage::kF32) return 4 * c.index_head_dim;
  return (c.index_head_dim + 1) / 2 + (c.index_head_dim + 31) / 32;
}

// Parts of the parameter count, by tensor name.
struct CountParams {
  CostPart embedding{"embedding", "embedding"}, attention{"attention", "attention"},
      compressors{"compressors", "compressors"}, indexer{"indexer", "indexer"},
      routed{"routed_experts", "routed experts"}, shared{"shared_experts", "shared experts"},
      router{"router", "router"}, streams{"hyper_connections", "hyper-connections (mHC)"},
      norms{"norms", "norms"}, head{"head", "head"};

  void operator()(const std::string& name, const Tensor& t, Role) {
    const auto has = [&](const char* piece) { return name.find(piece) != std::string::npos; };
    CostPart& part = name == "embed.weight"        ? embedding
                     : name == "head.weight"       ? head
                     : has(".attn.indexer.")       ? indexer
                     : has(".attn.compressor.")    ? compressors
                     : has(".attn.")               ? attention
                     : has(".ffn.experts.")        ? routed
                     : has(".ffn.shared_experts.") ? shared
                     : has(".ffn.gate.")           ? router
                     : has("hc_")                  ? streams
                                                   : norms;
    part.fixed += t.size();
  }
  void operator()(const std::string&, const IntTensor&) {}

  std::vector<CostPart> parts() const {
    return {embedding, attention, compressors, indexer, routed,
            shared,    router,    streams,     norms,   head};
  }
};

}  // namespace

std::string decimal(Int128 value) {
  const bool negative = value < 0;
  std::string digits;
  for (Int128 rest = negative ? -value : value; rest > 0 || digits.empty(); rest /= 10)
    digits.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
  if (negative) digits.push_back('-');
  std::reverse(digits.begin(), digits.end());
  return digits;
}

Int128 ContextTerm::at(int64_t n) const { return per_entry * std::min(max_entries, n / rate); }

Int128 ContextTerm::sum_up_to(int64_t n) const {
  if (n / rate <= max_entries) return per_entry * sum_of_quotients(n, rate);
  const int64_t full = max_entries * rate;  // the first n that sees max_entries
  return per_entry *
         (sum_of_quotients(full - 1, rate) + static_cast<Int128>(n - full + 1) * max_entries);
}

Int128 CostPart::at(int64_t n) const {
  Int128 sum = fixed;
  for (const ContextTerm& t : terms) sum += t.at(n);
  return sum;
}

Int128 CostPart::sum_up_to(int64_t n) const {
  Int128 sum = fixed * n;
  for (const ContextTerm& t : terms) sum += t.sum_up_to(n);
  return sum;
}

Int128 total_at(const std::vector<CostPart>& parts, int64_t n) {
  Int128 sum = 0;
  for (const CostPart& p : parts) sum += p.at(n);
  return sum;
}

Int128 total_up_to(const std::vector<CostPart>& parts, int64_t n) {
  Int128 sum = 0;
  for (const CostPart& p : parts) sum += p.sum_up_to(n);
  return sum;
}

CostModel cost_model(const ModelConfig& config, KvStorage storage) {
  ModelConfig c = config;
  c.num_nextn_predict_layers = 0;
  const auto count = [&](AttentionKind kind) {
    return static_cast<int64_t>(std::count_if(
        c.layers.begin(), c.layers.end(), [&](Layer layer) { return layer.attention == kind; }));
  };
  // Int128, so that every product below is one.
  const Int128 L = static_cast<int64_t>(c.layers.size()), Lc = count(AttentionKind::kCsa),
               Lh = count(AttentionKind::kHca), d = c.hidden_size, H = c.num_attention_heads,
               C = c.head_dim, dc = c.q_lora_rank, dg = c.o_lora_rank, I = c.moe_intermediate_size,
               E = c.n_routed_experts, K = c.num_experts_per_tok, nI = c.index_n_heads,
               cI = c.index_head_dim, hc = c.hc_mult;

  CostModel m;
  m.num_layers = static_cast<int64_t>(c.layers.size());
  CountParams counter;
  const Weights weights(c);
  visit(weights, counter);
  m.params = counter.parts();
  m.params_total = static_cast<int64_t>(total_at(m.params, 0));
  m.params_active =
      static_cast<int64_t>(m.params_total - counter.embedding.fixed - L * (E - K) * 3 * d * I);

  const Int128 linears = L * (d * dc + dc * H * C + d * C + H * C * dg + c.o_groups * dg * d +
                              c.n_shared_experts * 3 * d * I) +
                         Lc * dc * nI * cI;
  const Int128 wide = Lc * (4 * d * C + 4 * d * cI + d * nI) + Lh * 2 * d * C + L * E * d +
                      c.vocab_size * d + 2 * L * (2 + hc) * hc * hc * d + hc * hc * d;
  const Int128 per_key = kBf16 * H * 2 * C;  // score and value
  m.flops = {
      {"linears", "projections, shared expert (FP8)", kFp8 * linears},
      {"routed_experts", "routed experts (FP4 weights)", kFp8 * L * K * 3 * d * I},
      {"wide_linears", "compressors, router, head, mHC (BF16)", kBf16 * wide},
      {"indexer", "indexer dot products (FP4)", 0, {{kFp4Dot * Lc * nI * cI, c.csa_rate}}},
      {"attention",
       "core attention (BF16)",
       0,
       {{per_key * L, 1, c.sliding_window},
        {per_key * Lc, c.csa_rate, c.index_topk},
        {per_key * Lh, c.hca_rate}}},
  };
  const int64_t entry = entry_bytes(c, storage);
  m.kv_bytes = {
      {"csa_entries", "CSA entries", 0, {{Lc * entry, c.csa_rate}}},
      {"indexer_keys", "indexer keys", 0, {{Lc * index_key_bytes(c, storage), c.csa_rate}}},
      {"hca_entries", "HCA entries", 0, {{Lh * entry, c.hca_rate}}},
      {"window", "sliding windows", 0, {{L * entry, 1, c.sliding_window}}},
  };
  return m;
}

CostModel deepseek_v32_cost_model() {
  // 61 layers, the first 3 dense; MLA with 128 heads; 256 experts, 8 a token, and a shared one.
  constexpr Int128 L = 61, dense = 3, moe = L - dense, d = 7168, V = 129280, H = 128, dc = 1536,
                   latent = 512, rope = 64, nope = 128, v = 128, nI = 64, cI = 128, E = 256, K = 8,
                   I = 2048, dense_width = 18432, topk = 2048;
  constexpr Int128 q_b = dc * H * (nope + rope), kv_b = latent * H * (nope + v), o = H * v * d;
  constexpr Int128 attention = d * dc + q_b + d * (latent + rope) + kv_b + o;
  constexpr Int128 index_projections = dc * nI * cI + d * cI;

  CostModel m;
  m.num_layers = static_cast<int64_t>(L);
  m.params = {
      {"embedding", "embedding", V * d},
      {"attention", "attention", L * attention},
      {"indexer", "indexer", L * (index_projections + d * nI + 2 * cI)},  // its norm has a bias
      {"dense", "dense layers", dense * 3 * d * dense_width},
      {"routed_experts", "routed experts", moe * E * 3 * d * I},
      {"shared_experts", "shared experts", moe * 3 * d * I},
      {"router", "router", moe * (E * d + E)},
      {"norms", "norms", L * (2 * d + dc + latent) + d},
      {"head", "head", V * d},
  };
  m.params_total = static_cast<int64_t>(total_at(m.params, 0));
  m.params_active = static_cast<int64_t>(m.params_total - V * d - moe * (E - K) * 3 * d * I);
  m.flops = {
      {"linears", "projections, dense layers, experts (FP8)",
       kFp8 * (L * (attention + index_projections) + dense * 3 * d * dense_width +
               moe * (K + 1) * 3 * d * I)},
      {"wide_linears", "indexer weights, router, head (BF16)",
       kBf16 * (L * d * nI + moe * E * d + V * d)},
      {"indexer", "indexer dot products (FP8)", 0, {{kFp8 * L * nI * cI}}},
      // Absorbed MLA: a score over latent + rope, a value over latent.
      {"attention", "core attention (BF16)", 0, {{kBf16 * L * H * (2 * latent + rope), 1, topk}}},
  };
  constexpr Int128 entry = latent + 4 * (latent / 128) + 2 * rope;  // FP8, f32 scales, BF16 rope
  m.kv_bytes = {
      {"entries", "latent entries", 0, {{L * entry}}},
      {"indexer_keys", "indexer keys", 0, {{L * (cI + 4)}}},
  };
  return m;
}

Int128 gqa8_kv_bytes(const CostModel& model, int64_t n) {
  constexpr Int128 kGroups = 8, kHeadDim = 128, kKeyAndValue = 2, kBf16Bytes = 2;
  return kGroups * kHeadDim * kKeyAndValue * kBf16Bytes * model.num_layers * n;
}

}  // namespace amalgam::model
