#include <cmath>
#include <nlohmann/json.hpp>

#include "model/network/model_config.h"
#include "model/network/model_config_names.h"

namespace amalgam::model {
namespace {

using nlohmann::json;

json or_null(const std::optional<int64_t>& id) { return id ? json(*id) : json(nullptr); }

// transformers computes qk_rope_head_dim = int(head_dim * factor), which truncates: the quotient
// must not round below R / C.
double partial_rotary_factor(const ModelConfig& c) {
  const double head_dim = static_cast<double>(c.head_dim);
  double factor = static_cast<double>(c.qk_rope_head_dim) / head_dim;
  while (static_cast<int64_t>(head_dim * factor) < c.qk_rope_head_dim)
    factor = std::nextafter(factor, 2.0);
  return factor;
}

json rope_parameters(const ModelConfig& c) {
  const double factor = partial_rotary_factor(c);
  json main = {
      {"partial_rotary_factor", factor}, {"rope_theta", c.rope_theta}, {"rope_type", "default"}};
  json compress = main;
  compress["rope_theta"] = c.compress_rope_theta;
  if (c.yarn) {
    compress["rope_type"] = "yarn";
    compress["factor"] = c.yarn->factor;
    // transformers checks that this one is an integer.
    compress["original_max_position_embeddings"] =
        std::llround(c.yarn->original_max_position_embeddings);
    compress["beta_fast"] = c.yarn->beta_fast;
    compress["beta_slow"] = c.yarn->beta_slow;
    compress["attention_factor"] = 1.0;  // absent, transformers would scale cos and sin
  }
  return {{"main", main}, {"compress", compress}};
}

}  // namespace

std::string model_config_json(const ModelConfig& c, Precision precision) {
  json layer_types = json::array(), mlp_layer_types = json::array();
  for (const Layer& layer : c.layers) {
    layer_types.push_back(name_of(layer.attention));
    mlp_layer_types.push_back(name_of(layer.mlp));
  }
  json root = {
      {"architectures", {"DeepseekV4ForCausalLM"}},
      {"attention_bias", false},
      {"attention_dropout", 0.0},
      {"bos_token_id", or_null(c.bos_token_id)},
      {"compress_rates",
       {{name_of(AttentionKind::kCsa), c.csa_rate}, {name_of(AttentionKind::kHca), c.hca_rate}}},
      {"compress_rope_theta", c.compress_rope_theta},
      {"dtype", precision == Precision::kF32 ? "float32" : "bfloat16"},
      {"eos_token_id", or_null(c.eos_token_id)},
      {"hc_eps", c.hc_eps},
      {"hc_mult", c.hc_mult},
      {"hc_sinkhorn_iters", c.hc_sinkhorn_iters},
      {"head_dim", c.head_dim},
      {"hidden_act", "silu"},
      {"hidden_size", c.hidden_size},
      {"index_head_dim", c.index_head_dim},
      {"index_n_heads", c.index_n_heads},
      {"index_topk", c.index_topk},
      {"initializer_range", 0.02},
      {"layer_types", layer_types},
      {"max_position_embeddings", c.max_position_embeddings},
      {"mlp_bias", false},
      {"mlp_layer_types", mlp_layer_types},
      {"model_type", "deepseek_v4"},
      {"moe_intermediate_size", c.moe_intermediate_size},
      {"mtp_layer_type", name_of(c.mtp_attention)},
      {"n_routed_experts", c.n_routed_experts},
      {"n_shared_experts", c.n_shared_experts},
      {"norm_topk_prob", true},
      {"num_attention_heads", c.num_attention_heads},
      {"num_experts_per_tok", c.num_experts_per_tok},
      {"num_hidden_layers", c.layers.size()},
      {"num_key_value_heads", 1},
      {"num_nextn_predict_layers", c.num_nextn_predict_layers},
      {"o_groups", c.o_groups},
      {"o_lora_rank", c.o_lora_rank},
      {"output_router_logits", false},
      {"pad_token_id", or_null(c.pad_token_id)},
      {"partial_rotary_factor", partial_rotary_factor(c)},
      {"q_lora_rank", c.q_lora_rank},
      {"qk_rope_head_dim", c.qk_rope_head_dim},
      {"rms_norm_eps", c.rms_norm_eps},
      {"rope_parameters", rope_parameters(c)},
      {"rope_theta", c.rope_theta},
      {"routed_scaling_factor", c.routed_scaling_factor},
      {"router_aux_loss_coef", 0.001},
      {"router_jitter_noise", 0.0},
      {"scoring_func", "sqrtsoftplus"},
      {"sliding_window", c.sliding_window},
      {"swiglu_limit", c.swiglu_limit},
      {"tie_word_embeddings", false},
      {"transformers_version", "5.23.0"},
      {"use_cache", true},
      {"vocab_size", c.vocab_size},
  };
  if (precision == Precision::kFp8 || precision == Precision::kFp4) {
    root["expert_dtype"] = precision == Precision::kFp4 ? "fp4" : "fp8";
    root["quantization_config"] = {{"activation_scheme", "dynamic"},
                                   {"fmt", "e4m3"},
                                   {"quant_method", "fp8"},
                                   {"scale_fmt", "ue8m0"},
                                   {"weight_block_size", {128, 128}}};
  }
  return root.dump(2) + "\n";
}

}  // namespace amalgam::model
