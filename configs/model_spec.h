#pragma once
#include "configs/schema.h"

namespace amalgam::configs {

// What the run starts from: trained weights (path), or random ones of the shape in a config.json
// (config), or of the shape given here. Keys and meaning are those of config.json; vocab_size and
// special tokens come from the tokenizer. The defaults are the quickstart model.
struct ModelSpec {
  Path path;    // Hugging Face directory
  Path config;  // config.json
  int64_t hidden_size = 128;
  int64_t num_attention_heads = 4;
  int64_t head_dim = 32;
  int64_t qk_rope_head_dim = 8;
  int64_t q_lora_rank = 64;
  int64_t o_groups = 2;
  int64_t o_lora_rank = 32;
  int64_t sliding_window = 32;
  std::vector<std::string> layer_types = {
      "sliding_attention",           "sliding_attention",
      "compressed_sparse_attention", "heavily_compressed_attention",
      "compressed_sparse_attention", "heavily_compressed_attention"};
  int64_t num_hash_layers = 1;
  int64_t csa_rate = 4, hca_rate = 16;
  int64_t index_n_heads = 4;
  int64_t index_head_dim = 16;
  int64_t index_topk = 16;
  int64_t n_routed_experts = 8;
  int64_t n_shared_experts = 1;
  int64_t num_experts_per_tok = 2;
  int64_t moe_intermediate_size = 64;
  double routed_scaling_factor = 1.5;
  double swiglu_limit = 10;
  int64_t hc_mult = 4;
  int64_t num_nextn_predict_layers = 0;

  template <class V>
  void visit(V& v) {
    const Range size = between(1, 1 << 20);
    v.value("path", path,
            "Hugging Face directory with trained weights; replaces the base training and all keys "
            "below");
    v.value("config", config, "config.json of a new model; replaces the keys below");
    v.value("hidden_size", hidden_size, size, "width of the residual stream");
    v.value("num_attention_heads", num_attention_heads, size, "query heads");
    v.value("head_dim", head_dim, size, "channels of a head");
    v.value("qk_rope_head_dim", qk_rope_head_dim, size,
            "last channels of a head that are rotated; even");
    v.value("q_lora_rank", q_lora_rank, size, "rank of the query projection");
    v.value("o_groups", o_groups, size, "groups of the output projection");
    v.value("o_lora_rank", o_lora_rank, size, "rank of the output projection, a group");
    v.value("sliding_window", sliding_window, size, "tokens every layer attends to directly");
    v.value("layer_types", layer_types,
            "attention of each layer: sliding_attention, compressed_sparse_attention, "
            "heavily_compressed_attention");
    v.value("num_hash_layers", num_hash_layers, between(0, 1 << 20),
            "first layers whose experts are chosen by a hash of the token");
    v.value("csa_rate", csa_rate, size, "tokens per entry, compressed_sparse_attention");
    v.value("hca_rate", hca_rate, size, "tokens per entry, heavily_compressed_attention");
    v.value("index_n_heads", index_n_heads, size, "heads of the indexer");
    v.value("index_head_dim", index_head_dim, size, "channels of an indexer head");
    v.value("index_topk", index_topk, size, "compressed entries a query attends to");
    v.value("n_routed_experts", n_routed_experts, size, "experts of a layer");
    v.value("n_shared_experts", n_shared_experts, between(1, 64), "experts that see every token");
    v.value("num_experts_per_tok", num_experts_per_tok, size, "experts chosen for a token");
    v.value("moe_intermediate_size", moe_intermediate_size, size, "width of an expert");
    v.value("routed_scaling_factor", routed_scaling_factor, between(0, 1000),
            "factor on the chosen experts' sum");
    v.value("swiglu_limit", swiglu_limit, at_least(0), "clamp inside experts; 0: none");
    v.value("hc_mult", hc_mult, between(1, 8), "residual streams");
    v.value("num_nextn_predict_layers", num_nextn_predict_layers, between(0, 1),
            "multi-token prediction blocks");
  }

  std::optional<Problem> problem() const {
    if (!path.empty() && !config.empty()) {
      return Problem{"config", "path and config exclude each other; keep one"};
    }
    for (const std::string& type : layer_types) {
      if (type != "sliding_attention" && type != "compressed_sparse_attention" &&
          type != "heavily_compressed_attention") {
        return Problem{"layer_types", "'" + type +
                                          "' is not one of sliding_attention, "
                                          "compressed_sparse_attention, "
                                          "heavily_compressed_attention"};
      }
    }
    if (layer_types.empty()) return Problem{"layer_types", "is empty; name at least one layer"};
    if (num_experts_per_tok > n_routed_experts) {
      return Problem{"num_experts_per_tok", "exceeds n_routed_experts; lower it"};
    }
    if (qk_rope_head_dim > head_dim || qk_rope_head_dim % 2 != 0) {
      return Problem{"qk_rope_head_dim", "must be even and at most head_dim"};
    }
    if (num_attention_heads % o_groups != 0) {
      return Problem{"o_groups", "must divide num_attention_heads"};
    }
    return std::nullopt;
  }
};

struct TokenizerConfig {
  int64_t vocab_size = 1024;

  template <class V>
  void visit(V& v) {
    v.value("vocab_size", vocab_size, between(300, 1 << 20),
            "tokens, bytes and special tokens included; trained on the run's own text");
  }
};

}  // namespace amalgam::configs
