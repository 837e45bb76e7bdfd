#include "model/network/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "model/tensors/durable_file.h"
#include "tests/paths.h"

namespace amalgam::model {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json golden_json(const std::string& name) {
  return json::parse(read_file(tests::golden(name), 1 << 20));
}
ModelConfig parse(const json& j) { return parse_model_config(j.dump(), "config.json"); }

std::string config_error(const std::string& text) {
  try {
    parse_model_config(text, "DIR/config.json");
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
    EXPECT_THAT(e.what(), HasSubstr("DIR/config.json: "));
    return e.what();
  }
  return "(no error)";
}

using K = AttentionKind;
std::vector<K> kinds(const ModelConfig& c) {
  std::vector<K> all;
  for (const Layer& layer : c.layers) all.push_back(layer.attention);
  return all;
}
int64_t num_hash(const ModelConfig& c) {
  int64_t n = 0;
  for (const Layer& layer : c.layers) n += layer.mlp == MlpKind::kHashMoe;
  return n;
}

TEST(ModelConfig, ReadsTheLayerTypesSpelling) {
  const ModelConfig c = load_model_config(tests::reference_model("odd") + "/config.json");
  EXPECT_EQ(c.vocab_size, 101);
  EXPECT_EQ(c.hidden_size, 37);
  EXPECT_EQ(c.num_attention_heads, 6);
  EXPECT_EQ(c.head_dim, 22);
  EXPECT_EQ(c.qk_rope_head_dim, 6);
  EXPECT_EQ(c.o_groups, 3);
  EXPECT_EQ(c.csa_rate, 3);
  EXPECT_EQ(c.hca_rate, 7);
  EXPECT_EQ(c.routed_scaling_factor, 2.5);
  EXPECT_EQ(kinds(c), (std::vector{K::kSliding, K::kCsa, K::kHca, K::kCsa}));
  EXPECT_EQ(num_hash(c), 1);
  EXPECT_FALSE(c.yarn);
  EXPECT_EQ(c.num_nextn_predict_layers, 0);
  EXPECT_EQ(c.eos_token_id, 1);
  EXPECT_FALSE(c.pad_token_id);
}

TEST(ModelConfig, ReadsTheReleasedSpelling) {
  const ModelConfig c = load_model_config(tests::reference_model("released") + "/config.json");
  EXPECT_EQ(kinds(c), (std::vector{K::kHca, K::kHca, K::kCsa, K::kHca}));
  EXPECT_EQ(c.num_nextn_predict_layers, 1);
  EXPECT_EQ(c.mtp_attention, K::kSliding);
  EXPECT_EQ(c.csa_rate, 4);
  EXPECT_EQ(c.hca_rate, 128);
  EXPECT_EQ(num_hash(c), 2);
  ASSERT_TRUE(c.yarn);
  EXPECT_EQ(c.yarn->factor, 16);
  EXPECT_EQ(c.yarn->original_max_position_embeddings, 64);
  EXPECT_EQ(c.yarn->beta_fast, 32);
  EXPECT_EQ(c.yarn->beta_slow, 1);
  EXPECT_EQ(c.rope_theta, 10000);
  EXPECT_EQ(c.compress_rope_theta, 160000);
}

TEST(ModelConfig, ReleasedRatiosNameTheMechanism) {
  json j = golden_json("reference/released/config.json");
  j["compress_ratios"] = {0, 4, 16, 4, 4};
  ModelConfig c = parse(j);
  EXPECT_EQ(kinds(c), (std::vector{K::kSliding, K::kCsa, K::kHca, K::kCsa}));
  EXPECT_EQ(c.mtp_attention, K::kCsa);
  EXPECT_EQ(c.hca_rate, 16);
  // With compress_rates the numbers follow the type, not the number 4.
  j["compress_ratios"] = {0, 8, 4, 8};
  j["compress_rates"] = {{"compressed_sparse_attention", 8}, {"heavily_compressed_attention", 4}};
  c = parse(j);
  EXPECT_EQ(kinds(c), (std::vector{K::kSliding, K::kCsa, K::kHca, K::kCsa}));
  EXPECT_EQ(c.csa_rate, 8);
  EXPECT_EQ(c.hca_rate, 4);
}

TEST(ModelConfig, AbsentFieldsTakeTransformersDefaults) {
  json j = golden_json("reference/mixed/config.json");
  for (const char* key :
       {"qk_rope_head_dim", "o_groups",       "sliding_window",      "index_n_heads",
        "index_head_dim",   "index_topk",     "n_shared_experts",    "routed_scaling_factor",
        "swiglu_limit",     "hc_mult",        "hc_sinkhorn_iters",   "hc_eps",
        "rms_norm_eps",     "compress_rates", "mlp_layer_types",     "num_nextn_predict_layers",
        "rope_parameters",  "rope_theta",     "compress_rope_theta", "max_position_embeddings",
        "bos_token_id",     "eos_token_id",   "architectures",       "dtype",
        "scoring_func",     "norm_topk_prob", "hidden_act",          "tie_word_embeddings",
        "attention_bias"})
    j.erase(key);
  j["num_attention_heads"] = 8;
  const ModelConfig c = parse(j);
  EXPECT_EQ(c.qk_rope_head_dim, 4);  // partial_rotary_factor 0.25 of 16
  EXPECT_EQ(c.o_groups, 8);
  EXPECT_EQ(c.sliding_window, 128);
  EXPECT_EQ(c.index_n_heads, 64);
  EXPECT_EQ(c.index_head_dim, 128);
  EXPECT_EQ(c.index_topk, 512);
  EXPECT_EQ(c.n_shared_experts, 1);
  EXPECT_EQ(c.routed_scaling_factor, 1.5);
  EXPECT_EQ(c.swiglu_limit, 10);
  EXPECT_EQ(c.hc_mult, 4);
  EXPECT_EQ(c.hc_sinkhorn_iters, 20);
  EXPECT_EQ(c.csa_rate, 4);
  EXPECT_EQ(c.hca_rate, 128);
  EXPECT_EQ(num_hash(c), 3);
  EXPECT_EQ(c.num_nextn_predict_layers, 1);
  EXPECT_EQ(c.rope_theta, 10000);
  EXPECT_EQ(c.compress_rope_theta, 160000);
  EXPECT_FALSE(c.yarn);
  EXPECT_EQ(c.max_position_embeddings, 1048576);
  EXPECT_EQ(c.bos_token_id, 0);
  EXPECT_EQ(c.eos_token_id, 1);
  j.erase("partial_rotary_factor");
  j["head_dim"] = 64;
  EXPECT_EQ(parse(j).qk_rope_head_dim, 8);  // the default share is 64 / 512
}

TEST(ModelConfig, TokenIdsMayBeNullOrLists) {
  json j = golden_json("reference/mixed/config.json");
  j["eos_token_id"] = {7, 8};
  j["bos_token_id"] = nullptr;
  j["pad_token_id"] = 3;
  const ModelConfig c = parse(j);
  EXPECT_EQ(c.eos_token_id, 7);
  EXPECT_FALSE(c.bos_token_id);
  EXPECT_EQ(c.pad_token_id, 3);
}

TEST(ModelConfig, RopeMayBeFlat) {
  json j = golden_json("reference/mixed/config.json");
  const ModelConfig nested = parse(j);
  j["rope_parameters"] = {
      {"rope_type", "yarn"}, {"factor", 16}, {"original_max_position_embeddings", 64}};
  EXPECT_EQ(model_config_json(parse(j)), model_config_json(nested));
  j["rope_parameters"]["rope_type"] = "default";
  EXPECT_FALSE(parse(j).yarn);
}

TEST(ModelConfig, WritesWhatItReads) {
  for (const auto& entry : std::filesystem::directory_iterator(tests::golden("reference"))) {
    const std::string name = entry.path().filename();
    const ModelConfig c = load_model_config(entry.path() / "config.json");
    const json written = json::parse(model_config_json(c));
    EXPECT_EQ(model_config_json(parse(written)), model_config_json(c)) << name;
    // Every field of a file in this spelling comes out with the value it had.
    const json original = golden_json("reference/" + name + "/config.json");
    if (!original.contains("layer_types")) continue;
    for (const auto& [key, value] : original.items())
      EXPECT_EQ(written.value(key, json()), value) << name << " " << key;
    // int(head_dim * factor), as transformers computes it
    EXPECT_EQ(static_cast<int>(c.head_dim * written["partial_rotary_factor"].get<double>()),
              c.qk_rope_head_dim);
  }
}

TEST(ModelConfig, WritesTheFieldsOfTransformers) {
  for (const char* size : {"tiny", "small"}) {
    const json original = golden_json(std::string("sizes/") + size + ".json");
    const json written = json::parse(model_config_json(parse(original)));
    for (const auto& [key, value] : original.items())
      EXPECT_EQ(written.value(key, json()), value) << key;
    EXPECT_EQ(written["architectures"], json({"DeepseekV4ForCausalLM"}));
  }
}

TEST(ModelConfig, RotaryShareSurvivesTruncation) {
  json j = golden_json("reference/mixed/config.json");
  j.erase("partial_rotary_factor");
  j.erase("rope_parameters");
  for (int head_dim = 2; head_dim <= 300; ++head_dim)
    for (int r = 2; r <= std::min(head_dim, 16); r += 2) {
      j["head_dim"] = head_dim;
      j["qk_rope_head_dim"] = r;
      const json written = json::parse(model_config_json(parse(j)));
      ASSERT_EQ(static_cast<int>(head_dim * written["partial_rotary_factor"].get<double>()), r)
          << head_dim;
    }
}

TEST(ModelConfig, RefusesWithTheKeyInTheMessage) {
  const json good = golden_json("reference/mixed/config.json");
  const json released = golden_json("reference/released/config.json");
  struct Case {
    const char* key;
    json value;  // discarded: the key is erased
    const char* message;
  };
  const json erase(json::value_t::discarded);
  const std::vector<Case> cases = {
      {"model_type", erase, "model_type is missing"},
      {"model_type", "deepseek_v3", "model_type must be \"deepseek_v4\""},
      {"vocab_size", erase, "vocab_size is missing"},
      {"vocab_size", nullptr, "vocab_size is missing"},
      {"vocab_size", 0, "vocab_size must be an integer from 1 to 16777216, is 0"},
      {"vocab_size", -5, "vocab_size must be an integer"},
      {"vocab_size", 96.0, "vocab_size must be an integer"},
      {"vocab_size", "96", "vocab_size must be an integer"},
      {"vocab_size", true, "vocab_size must be an integer"},
      {"vocab_size", json::array({96}), "vocab_size must be an integer"},
      {"vocab_size", uint64_t{18446744073709551615u}, "vocab_size must be an integer"},
      {"hidden_size", int64_t{1} << 40, "hidden_size must be an integer"},
      {"hidden_size", erase, "hidden_size is missing"},
      {"num_hidden_layers", erase, "num_hidden_layers is missing"},
      {"num_hidden_layers", 6, "layer_types must have 6 entries, has 5"},
      {"num_hidden_layers", 1000000000, "num_hidden_layers must be"},
      {"num_attention_heads", 5, "o_groups must divide num_attention_heads (5), is 2"},
      {"num_key_value_heads", 2, "num_key_value_heads must be 1"},
      {"head_dim", 3, "qk_rope_head_dim must be an integer from 2 to 3"},
      {"qk_rope_head_dim", 6, "qk_rope_head_dim disagrees with partial_rotary_factor"},
      {"partial_rotary_factor", 0.5, "qk_rope_head_dim disagrees with partial_rotary_factor"},
      {"index_head_dim", 2, "index_head_dim is 2, below qk_rope_head_dim (4)"},
      {"num_experts_per_tok", 7, "num_experts_per_tok is 7, above n_routed_experts (6)"},
      {"num_experts_per_tok", 0, "num_experts_per_tok must be"},
      {"n_routed_experts", 1000000000, "n_routed_experts must be"},
      {"o_groups", 0, "o_groups must be"},
      {"hc_mult", 0, "hc_mult must be"},
      {"hc_sinkhorn_iters", 0, "hc_sinkhorn_iters must be"},
      {"hc_eps", -1e-6, "hc_eps must be a number"},
      {"rms_norm_eps", "small", "rms_norm_eps must be a number"},
      {"rope_theta", 0, "rope_theta must be a number"},
      {"sliding_window", 0, "sliding_window must be"},
      {"swiglu_limit", -1, "swiglu_limit must be a number"},
      {"scoring_func", "softmax", "scoring_func must be \"sqrtsoftplus\""},
      {"tie_word_embeddings", true, "tie_word_embeddings must be false"},
      {"layer_types", erase, "layer_types is missing"},
      {"layer_types", 5, "layer_types must be a list"},
      {"layer_types", json::array({"x", "x", "x", "x", "x"}), "layer_types[0] must be one of"},
      {"layer_types", json::array({1, 2, 3, 4, 5}), "layer_types[0] must be a string"},
      {"mlp_layer_types", json::array({"moe"}), "mlp_layer_types must have 5 entries"},
      {"mtp_layer_type", "full_attention", "mtp_layer_type must be one of"},
      {"num_nextn_predict_layers", 2, "num_nextn_predict_layers must be"},
      {"compress_rates", 4, "compress_rates must be an object"},
      {"compress_rates",
       {{"compressed_sparse_attention", 0}},
       "compress_rates.compressed_sparse_attention must be"},
      {"compress_ratios", {4, 0, 4, 16, 4}, "layer_types[0] disagrees with compress_ratios"},
      {"rope_parameters", {{"main", json::object()}}, "rope_parameters must have both"},
      {"rope_parameters",
       {{"rope_type", "linear"}},
       "rope_parameters.rope_type must be default or yarn"},
      {"rope_parameters", {{"rope_type", "yarn"}}, "rope_parameters.factor is missing"},
      {"rope_parameters",
       {{"rope_type", "yarn"},
        {"factor", 4},
        {"original_max_position_embeddings", 64},
        {"attention_factor", 1.2}},
       "rope_parameters.attention_factor must be"},
      {"eos_token_id", 96, "eos_token_id must be an integer from 0 to 95, is 96"},
      {"eos_token_id", json::array(), "eos_token_id is an empty list"},
      {"bos_token_id", "<s>", "bos_token_id must be"},
  };
  for (const Case& c : cases) {
    json j = good;
    if (c.value.is_discarded())
      j.erase(c.key);
    else
      j[c.key] = c.value;
    EXPECT_THAT(config_error(j.dump()), HasSubstr(c.message)) << c.key;
  }
  for (const auto& [ratios, message] : std::vector<std::pair<json, const char*>>{
           {{128, 128, 4}, "compress_ratios must have 4 entries (one per layer) or one more"},
           {{128, 64, 4, 0, 0}, "compress_ratios[1] is 64: only 0, 4 (CSA) and 128 (HCA)"},
           {{128, -1, 4, 0, 0}, "compress_ratios[1] must be an integer"},
           {{128, "4", 4, 0, 0}, "compress_ratios[1] must be an integer"}}) {
    json j = released;
    j["compress_ratios"] = ratios;
    EXPECT_THAT(config_error(j.dump()), HasSubstr(message));
  }
  json large = good;  // each size is possible, all together are not
  for (const char* key : {"hidden_size", "moe_intermediate_size"}) large[key] = 1 << 18;
  large["n_routed_experts"] = 1 << 14;
  EXPECT_THAT(config_error(large.dump()), HasSubstr("parameters"));

  EXPECT_THAT(config_error(""), HasSubstr("not valid JSON"));
  EXPECT_THAT(config_error("{\"vocab_size\": 96,"), HasSubstr("not valid JSON"));
  EXPECT_THAT(config_error("{\"vocab_size\": 1e999}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(config_error("[]"), HasSubstr("must be a JSON object"));
  EXPECT_THAT(config_error(std::string(1'000'000, '[')), HasSubstr("nested too deeply"));
  EXPECT_THAT(config_error(std::string(5 << 20, ' ')), HasSubstr("larger than"));
  EXPECT_THROW(load_model_config("/absent/config.json"), Error);
}

}  // namespace
}  // namespace amalgam::model
