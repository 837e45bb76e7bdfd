// ModelConfig: the V4 config.json, both spellings normalised to one struct (MODEL.md §1).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace amalgam::model {

enum class AttentionKind { kSliding, kCsa, kHca };
enum class MlpKind { kHashMoe, kMoe };

// What a checkpoint's weights are stored as (MODEL.md §3).
enum class Precision {
  kF32,
  kBF16,  // mHC, sinks, ape and selection bias stay F32; so in those below
  kFp8,   // linear weights and experts E4M3, one UE8M0 scale per 128 × 128; the rest as kBF16
  kFp4    // as kFp8, but routed experts packed E2M1, one UE8M0 scale per 1 × 32: as released
};

struct Yarn {
  double factor = 1;
  double original_max_position_embeddings = 0;
  double beta_fast = 32, beta_slow = 1;
};

struct Layer {
  AttentionKind attention = AttentionKind::kSliding;
  MlpKind mlp = MlpKind::kMoe;
};

struct ModelConfig {
  int64_t vocab_size = 0;           // V
  int64_t hidden_size = 0;          // D
  int64_t num_attention_heads = 0;  // H
  int64_t head_dim = 0;             // C
  int64_t qk_rope_head_dim = 0;     // R, the last R channels of a head
  int64_t q_lora_rank = 0;          // d_c
  int64_t o_groups = 1;             // g
  int64_t o_lora_rank = 0;          // d_g
  int64_t sliding_window = 0;       // w
  int64_t csa_rate = 4;             // m
  int64_t hca_rate = 128;           // m'
  int64_t index_n_heads = 0;        // n_I
  int64_t index_head_dim = 0;       // c_I
  int64_t index_topk = 0;
  int64_t n_routed_experts = 0;  // E
  int64_t n_shared_experts = 1;
  int64_t num_experts_per_tok = 0;    // K
  int64_t moe_intermediate_size = 0;  // I
  double routed_scaling_factor = 1;
  double swiglu_limit = 0;  // L; 0 = no clamp
  int64_t hc_mult = 4;      // n_hc
  int64_t hc_sinkhorn_iters = 20;
  double hc_eps = 1e-6;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000;             // sliding layers
  double compress_rope_theta = 160000;   // layers with a compressor
  std::optional<Yarn> yarn;              // layers with a compressor
  std::vector<Layer> layers;             // num_hidden_layers
  int64_t num_nextn_predict_layers = 0;  // MTP blocks (0 or 1)
  AttentionKind mtp_attention = AttentionKind::kSliding;
  int64_t max_position_embeddings = 1048576;
  std::optional<int64_t> bos_token_id, eos_token_id, pad_token_id;

  int64_t compress_rate(AttentionKind kind) const {
    return kind == AttentionKind::kCsa ? csa_rate : kind == AttentionKind::kHca ? hca_rate : 0;
  }
};

// Reads config.json text in either spelling. Throws Error with one line naming the key for anything
// missing, mistyped, out of range or absurd (a dimension that no machine could hold).
// `origin` is the file name used in messages.
//
// The keys that set the model's size and its layers must be there (vocab_size, hidden_size,
// num_hidden_layers, num_attention_heads, head_dim, q_lora_rank, o_lora_rank, n_routed_experts,
// num_experts_per_tok, moe_intermediate_size; layer_types or compress_ratios); all others default
// as in transformers' DeepseekV4Config. Keys we have no use for are ignored. In compress_ratios
// 0 is a sliding layer, the CSA rate (4, unless compress_rates names another) CSA, any other HCA.
ModelConfig parse_model_config(const std::string& json_text, const std::string& origin);
ModelConfig load_model_config(const std::string& path);
// config.json in the layer_types spelling, which transformers loads; for kFp8 and kFp4 with the
// released quantization_config.
std::string model_config_json(const ModelConfig& config, Precision precision = Precision::kF32);

}  // namespace amalgam::model
