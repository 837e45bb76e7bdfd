#include "pipeline/stages/model_files.h"

#include <filesystem>

#include "model/tensors/durable_file.h"
#include "model/tokenizer/special_tokens.h"

namespace amalgam::pipeline {
namespace {

model::AttentionKind attention_kind(const std::string& type) {
  if (type == "sliding_attention") return model::AttentionKind::kSliding;
  if (type == "compressed_sparse_attention") return model::AttentionKind::kCsa;
  return model::AttentionKind::kHca;  // the config's own check left no other name
}

}  // namespace

model::ModelConfig new_model_config(const configs::ModelSpec& spec,
                                    const model::Tokenizer& tokenizer) {
  model::ModelConfig c;
  if (!spec.config.empty()) {
    c = model::load_model_config(spec.config.string());
  } else {
    c.hidden_size = spec.hidden_size;
    c.num_attention_heads = spec.num_attention_heads;
    c.head_dim = spec.head_dim;
    c.qk_rope_head_dim = spec.qk_rope_head_dim;
    c.q_lora_rank = spec.q_lora_rank;
    c.o_groups = spec.o_groups;
    c.o_lora_rank = spec.o_lora_rank;
    c.sliding_window = spec.sliding_window;
    c.csa_rate = spec.csa_rate;
    c.hca_rate = spec.hca_rate;
    c.index_n_heads = spec.index_n_heads;
    c.index_head_dim = spec.index_head_dim;
    c.index_topk = spec.index_topk;
    c.n_routed_experts = spec.n_routed_experts;
    c.n_shared_experts = spec.n_shared_experts;
    c.num_experts_per_tok = spec.num_experts_per_tok;
    c.moe_intermediate_size = spec.moe_intermediate_size;
    c.routed_scaling_factor = spec.routed_scaling_factor;
    c.swiglu_limit = spec.swiglu_limit;
    c.hc_mult = spec.hc_mult;
    c.num_nextn_predict_layers = spec.num_nextn_predict_layers;
    for (size_t i = 0; i < spec.layer_types.size(); ++i)
      c.layers.push_back({attention_kind(spec.layer_types[i]),
                          static_cast<int64_t>(i) < spec.num_hash_layers ? model::MlpKind::kHashMoe
                                                                         : model::MlpKind::kMoe});
  }
  c.vocab_size = tokenizer.vocab_size();
  c.bos_token_id = tokenizer.require_added_token(model::kBos);
  c.eos_token_id = tokenizer.require_added_token(model::kEos);
  c.pad_token_id.reset();
  // Written and read back: one place decides what a valid config is.
  return model::parse_model_config(model::model_config_json(c), "[model]");
}

void copy_tokenizer_files(const std::string& from, const std::string& to) {
  constexpr size_t kMaxFileBytes = 256 << 20;
  // generation_config.json: sampling settings and further stop tokens that save_model cannot know.
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                           "chat_template.jinja", "generation_config.json"}) {
    const std::string file = from + "/" + name;
    if (std::filesystem::exists(file))
      model::write_file_durably(to + "/" + name, model::read_file(file, kMaxFileBytes));
  }
}

void save_with_tokenizer(const std::string& directory, const model::ModelConfig& config,
                         const model::Weights& weights, const std::string& tokenizer_dir) {
  model::SaveOptions options;
  options.add_files = [&](const std::string& under_construction) {
    copy_tokenizer_files(tokenizer_dir, under_construction);
  };
  model::save_model(directory, config, weights, options);
}

}  // namespace amalgam::pipeline
