#include "model/presets.h"

namespace amalgam::model {
namespace {

// What the two sizes share. After two first layers of kind `first`, CSA and HCA alternate.
ModelConfig deepseek_v4(int64_t num_layers, AttentionKind first) {
  ModelConfig c;
  c.vocab_size = 129280;
  c.head_dim = 512;
  c.qk_rope_head_dim = 64;
  c.o_lora_rank = 1024;
  c.sliding_window = 128;
  c.index_n_heads = 64;
  c.index_head_dim = 128;
  c.n_shared_experts = 1;
  c.num_experts_per_tok = 6;
  c.swiglu_limit = 10;
  c.yarn = Yarn{.factor = 16, .original_max_position_embeddings = 65536};
  c.num_nextn_predict_layers = 1;
  for (int64_t i = 0; i < num_layers; ++i)
    c.layers.push_back({i < 2        ? first
                        : i % 2 == 0 ? AttentionKind::kCsa
                                     : AttentionKind::kHca,
                        i < 3 ? MlpKind::kHashMoe : MlpKind::kMoe});
  return c;
}

ModelConfig deepseek_v4_flash() {
  ModelConfig c = deepseek_v4(43, AttentionKind::kSliding);
  c.hidden_size = 4096;
  c.num_attention_heads = 64;
  c.q_lora_rank = 1024;
  c.o_groups = 8;
  c.index_topk = 512;
  c.n_routed_experts = 256;
  c.moe_intermediate_size = 2048;
  c.routed_scaling_factor = 1.5;
  return c;
}

ModelConfig deepseek_v4_pro() {
  ModelConfig c = deepseek_v4(61, AttentionKind::kHca);
  c.hidden_size = 7168;
  c.num_attention_heads = 128;
  c.q_lora_rank = 1536;
  c.o_groups = 16;
  c.index_topk = 1024;
  c.n_routed_experts = 384;
  c.moe_intermediate_size = 3072;
  c.routed_scaling_factor = 2.5;
  return c;
}

}  // namespace

std::optional<ModelConfig> preset_config(std::string_view name) {
  if (name == "deepseek-v4-flash") return deepseek_v4_flash();
  if (name == "deepseek-v4-pro") return deepseek_v4_pro();
  return std::nullopt;
}

}  // namespace amalgam::model
