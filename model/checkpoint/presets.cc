#include "model/checkpoint/presets.h"

#include <algorithm>
#include <iterator>

namespace amalgam::model {
namespace {

struct Size {
  std::string_view name;
  int64_t num_layers;
  AttentionKind first;  // of the first two layers; then CSA and HCA alternate
  int64_t hidden_size, num_attention_heads, q_lora_rank, o_groups, index_topk, n_routed_experts,
      moe_intermediate_size;
  double routed_scaling_factor;
};

constexpr Size kSizes[] = {
    {"deepseek-v4-flash", 43, AttentionKind::kSliding, 4096, 64, 1024, 8, 512, 256, 2048, 1.5},
    {"deepseek-v4-pro", 61, AttentionKind::kHca, 7168, 128, 1536, 16, 1024, 384, 3072, 2.5},
};

ModelConfig config_of(const Size& s) {
  ModelConfig c;
  c.vocab_size = 129280;
  c.hidden_size = s.hidden_size;
  c.num_attention_heads = s.num_attention_heads;
  c.head_dim = 512;
  c.qk_rope_head_dim = 64;
  c.q_lora_rank = s.q_lora_rank;
  c.o_lora_rank = 1024;
  c.o_groups = s.o_groups;
  c.sliding_window = 128;
  c.index_n_heads = 64;
  c.index_head_dim = 128;
  c.index_topk = s.index_topk;
  c.n_routed_experts = s.n_routed_experts;
  c.n_shared_experts = 1;
  c.num_experts_per_tok = 6;
  c.moe_intermediate_size = s.moe_intermediate_size;
  c.routed_scaling_factor = s.routed_scaling_factor;
  c.swiglu_limit = 10;
  c.yarn = Yarn{.factor = 16, .original_max_position_embeddings = 65536};
  c.num_nextn_predict_layers = 1;
  for (int64_t i = 0; i < s.num_layers; ++i)
    c.layers.push_back({i < 2        ? s.first
                        : i % 2 == 0 ? AttentionKind::kCsa
                                     : AttentionKind::kHca,
                        i < 3 ? MlpKind::kHashMoe : MlpKind::kMoe});
  return c;
}

}  // namespace

std::optional<ModelConfig> preset_config(std::string_view name) {
  const auto* size = std::find_if(std::begin(kSizes), std::end(kSizes),
                                  [&](const Size& s) { return s.name == name; });
  if (size == std::end(kSizes)) return std::nullopt;
  return config_of(*size);
}

}  // namespace amalgam::model
