#include "model/checkpoint/tensor_names.h"

#include <array>
#include <utility>

#include "configs/check.h"

namespace amalgam::model {
namespace {

using Rename = std::pair<std::string_view, std::string_view>;  // released, stored

constexpr std::array<Rename, 2> kTopSaved{{
    {"embed.weight", "model.embed_tokens.weight"},
    {"head.weight", "head.weight"},
}};
constexpr std::array<Rename, 2> kTopMemory{{
    {"embed.weight", "model.embed_tokens.weight"},
    {"head.weight", "lm_head.weight"},
}};

// Within a block; the first prefix that fits is replaced.
constexpr std::array<Rename, 26> kBlockMemory{{
    {"attn.attn_sink", "self_attn.sinks"},
    {"attn.compressor.ape", "self_attn.compressor.position_bias"},
    {"attn.compressor.norm.", "self_attn.compressor.kv_norm."},
    {"attn.compressor.wgate.", "self_attn.compressor.gate_proj."},
    {"attn.compressor.wkv.", "self_attn.compressor.kv_proj."},
    {"attn.indexer.compressor.ape", "self_attn.compressor.indexer.position_bias"},
    {"attn.indexer.compressor.norm.", "self_attn.compressor.indexer.kv_norm."},
    {"attn.indexer.compressor.wgate.", "self_attn.compressor.indexer.gate_proj."},
    {"attn.indexer.compressor.wkv.", "self_attn.compressor.indexer.kv_proj."},
    {"attn.indexer.weights_proj.", "self_attn.compressor.indexer.scorer.weights_proj."},
    {"attn.indexer.wq_b.", "self_attn.compressor.indexer.q_b_proj."},
    {"attn.kv_norm.", "self_attn.kv_norm."},
    {"attn.q_norm.", "self_attn.q_a_norm."},
    {"attn.wkv.", "self_attn.kv_proj."},
    {"attn.wo_a.", "self_attn.o_a_proj."},
    {"attn.wo_b.", "self_attn.o_b_proj."},
    {"attn.wq_a.", "self_attn.q_a_proj."},
    {"attn.wq_b.", "self_attn.q_b_proj."},
    {"attn_norm.", "input_layernorm."},
    {"ffn.gate.bias", "mlp.gate.e_score_correction_bias"},
    {"ffn.gate.", "mlp.gate."},
    {"ffn.shared_experts.w1.", "mlp.shared_experts.gate_proj."},
    {"ffn.shared_experts.w2.", "mlp.shared_experts.down_proj."},
    {"ffn.shared_experts.w3.", "mlp.shared_experts.up_proj."},
    {"ffn_norm.", "post_attention_layernorm."},
    {"hc_", ""},  // hc_attn_fn → attn_hc.fn, below
}};

constexpr std::string_view kExperts = "ffn.experts.";

// The length of "layers.N." or "mtp.N.", 0 for a tensor outside the blocks.
size_t block_prefix(std::string_view name) {
  const std::string_view list = name.starts_with("layers.") ? "layers." : "mtp.";
  return name.starts_with(list) ? name.find('.', list.size()) + 1 : 0;
}

StoredName memory_block_name(const std::string& prefix, std::string_view rest) {
  if (rest.starts_with(kExperts)) {
    // ffn.experts.E.w1.weight: w1 is above w3 in gate_up_proj.
    const size_t dot = rest.find('.', kExperts.size());
    const int64_t expert =
        std::stoll(std::string(rest.substr(kExperts.size(), dot - kExperts.size())));
    const std::string_view matrix = rest.substr(dot + 1, 2);
    if (matrix == "w2") return {prefix + "mlp.experts.down_proj", expert, 0, 1};
    return {prefix + "mlp.experts.gate_up_proj", expert, matrix == "w3" ? 1 : 0, 2};
  }
  for (const auto& [from, to] : kBlockMemory) {
    if (!rest.starts_with(from)) continue;
    const std::string_view tail = rest.substr(from.size());
    if (!to.empty()) return {prefix + std::string(to) + std::string(tail)};
    const size_t bar = tail.rfind('_');
    return {prefix + std::string(tail.substr(0, bar)) + "_hc." + std::string(tail.substr(bar + 1))};
  }
  return {prefix + std::string(rest)};  // of an MTP block: the same in all spellings
}

}  // namespace

StoredName stored_name(Spelling spelling, const std::string& released) {
  if (spelling == Spelling::kReleased) return {released};
  const auto& top = spelling == Spelling::kSaved ? kTopSaved : kTopMemory;
  for (const auto& [from, to] : top)
    if (released == from) return {std::string(to)};
  constexpr std::string_view kHead = "hc_head_";
  if (released.starts_with(kHead)) return {"model.hc_head.hc_" + released.substr(kHead.size())};

  const size_t n = block_prefix(released);
  const std::string prefix = "model." + released.substr(0, n);
  const std::string_view rest = std::string_view(released).substr(n);
  if (n && spelling == Spelling::kMemory) return memory_block_name(prefix, rest);
  constexpr std::string_view kKvNorm = "attn.kv_norm.";
  if (n && rest.starts_with(kKvNorm))
    return {prefix + "attn.norm." + std::string(rest.substr(kKvNorm.size()))};
  return {prefix + std::string(rest)};
}

}  // namespace amalgam::model
