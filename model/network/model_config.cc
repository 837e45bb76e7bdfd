#include "model/network/model_config.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "configs/error.h"
#include "configs/printable.h"
#include "kernels/hyper_connection/hyper_connection.h"
#include "model/network/model_config_names.h"
#include "model/network/weights.h"
#include "model/tensors/durable_file.h"

namespace amalgam::model {
namespace {

using nlohmann::json;

// Largest accepted values. Far above any model that exists, low enough that products of three fit
// int64 and that a hostile file cannot make us allocate.
constexpr int64_t kMaxWidth = int64_t{1} << 18;
constexpr int64_t kMaxLayers = 1024;
constexpr int64_t kMaxExpertMatrices = int64_t{1} << 18;  // over all layers
constexpr int64_t kMaxParameters = int64_t{1} << 43;
constexpr size_t kMaxConfigBytes = size_t{4} << 20;

// While parsing: refuses a key that an object has twice (readers differ in which one counts) and
// nesting that no config.json has.
class StrictKeys {
 public:
  explicit StrictKeys(const std::string& origin) : origin_(origin) {}

  bool operator()(int depth, json::parse_event_t event, json& parsed) {
    constexpr int kMostNested = 32;
    if (depth > kMostNested) throw Error(origin_ + ": is nested too deeply for a config.json");
    if (event == json::parse_event_t::object_start) keys_.emplace_back();
    if (event == json::parse_event_t::object_end) keys_.pop_back();
    if (event == json::parse_event_t::key &&
        !keys_.back().insert(parsed.get_ref<const std::string&>()).second)
      throw Error(origin_ + ": has the key " + printable(parsed.get_ref<const std::string&>()) +
                  " twice");
    return true;
  }

 private:
  std::string origin_;
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
};

// Typed access to one JSON object; every error names the file and the key.
class Fields {
 public:
  Fields(const json& object, std::string origin, std::string prefix = "")
      : object_(&object), origin_(std::move(origin)), prefix_(std::move(prefix)) {}

  [[noreturn]] void fail(const std::string& key, const std::string& what) const {
    throw Error(origin_ + ": " + prefix_ + key + " " + what);
  }

  // A key that is null counts as absent, as in transformers.
  const json* find(const char* key) const {
    const auto it = object_->find(key);
    return it == object_->end() || it->is_null() ? nullptr : &*it;
  }

  int64_t integer(const char* key, int64_t low, int64_t high) const {
    if (!find(key)) fail(key, "is missing");
    return integer(*find(key), key, low, high);
  }
  int64_t integer_or(const char* key, int64_t absent, int64_t low, int64_t high) const {
    return find(key) ? integer(*find(key), key, low, high) : absent;
  }
  int64_t integer(const json& value, const std::string& key, int64_t low, int64_t high) const {
    const bool fits = value.is_number_integer() &&
                      !(value.is_number_unsigned() &&
                        value.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()});
    if (!fits || value.get<int64_t>() < low || value.get<int64_t>() > high)
      fail(key, "must be an integer from " + std::to_string(low) + " to " + std::to_string(high) +
                    shown(value));
    return value.get<int64_t>();
  }

  // A number in [low, high].
  double real(const char* key, double low, double high) const {
    const json* value = find(key);
    if (!value) fail(key, "is missing");
    if (!value->is_number() || !(value->get<double>() >= low && value->get<double>() <= high))
      fail(key, "must be a number from " + json(low).dump() + " to " + json(high).dump() +
                    shown(*value));
    return value->get<double>();
  }
  double real_or(const char* key, double absent, double low, double high) const {
    return find(key) ? real(key, low, high) : absent;
  }

  std::string text(const json& value, const std::string& key) const {
    if (!value.is_string()) fail(key, "must be a string");
    return value.get<std::string>();
  }
  const json* array(const char* key) const {
    const json* value = find(key);
    if (value && !value->is_array()) fail(key, "must be a list");
    return value;
  }
  std::optional<Fields> object(const char* key) const {
    const json* value = find(key);
    if (!value) return std::nullopt;
    if (!value->is_object()) fail(key, "must be an object");
    return Fields(*value, origin_, prefix_ + key + ".");
  }

  // The architecture has one form of this setting; any other is a model we would compute wrongly.
  void only(const char* key, const json& expected) const {
    const json* value = find(key);
    if (value && *value != expected)
      fail(key, "must be " + expected.dump() + ": nothing else is supported");
  }

 private:
  static std::string shown(const json& value) {
    return value.is_number() ? ", is " + value.dump() : std::string();
  }

  const json* object_;
  std::string origin_, prefix_;
};

std::optional<int64_t> token_id(const Fields& f, const json& root, const char* key,
                                std::optional<int64_t> absent, int64_t vocab_size) {
  const auto it = root.find(key);
  if (it == root.end()) return absent && *absent < vocab_size ? absent : std::nullopt;
  if (it->is_null()) return std::nullopt;
  if (!it->is_array()) return f.integer(*it, key, 0, vocab_size - 1);
  if (it->empty()) f.fail(key, "is an empty list");
  return f.integer(it->front(), key, 0, vocab_size - 1);
}

template <class Table>
auto named(const Fields& f, const Table& table, const std::string& key, const json& value) {
  const std::string text = f.text(value, key);
  std::string known;
  for (const auto& [kind, name] : table) {
    if (text == name) return kind;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  f.fail(key, "must be one of " + known);
}

std::string at(const char* key, size_t i) {
  return std::string(key) + "[" + std::to_string(i) + "]";
}

void parse_compress_rates(const Fields& f, ModelConfig& c, bool& csa_given, bool& hca_given) {
  constexpr int64_t kMaxRate = 1 << 16;
  const auto set = [&](const Fields& from, const char* key, int64_t& rate, bool& given) {
    given = given || from.find(key);
    rate = from.integer_or(key, rate, 1, kMaxRate);
  };
  if (const auto rates = f.object("compress_rates")) {
    set(*rates, name_of(AttentionKind::kCsa), c.csa_rate, csa_given);
    set(*rates, name_of(AttentionKind::kHca), c.hca_rate, hca_given);
  }
  set(f, "compress_rate_csa", c.csa_rate, csa_given);
  set(f, "compress_rate_hca", c.hca_rate, hca_given);
}

// The released spelling: one ratio per layer and one for the MTP block. 0 is a sliding layer, the
// CSA ratio (4 unless compress_rates says otherwise) a CSA layer, any other ratio HCA.
std::vector<AttentionKind> parse_compress_ratios(const Fields& f, const json& list, bool hca_given,
                                                 ModelConfig& c) {
  const size_t n = c.layers.size();
  if (list.size() != n && list.size() != n + 1)
    f.fail("compress_ratios", "must have " + std::to_string(n) +
                                  " entries (one per layer) or one more for MTP, has " +
                                  std::to_string(list.size()));
  std::vector<AttentionKind> kinds;
  for (size_t i = 0; i < list.size(); ++i) {
    const int64_t ratio = f.integer(list[i], at("compress_ratios", i), 0, 1 << 16);
    if (ratio == 0) {
      kinds.push_back(AttentionKind::kSliding);
    } else if (ratio == c.csa_rate) {
      kinds.push_back(AttentionKind::kCsa);
    } else {
      if (hca_given && ratio != c.hca_rate)
        f.fail(at("compress_ratios", i),
               "is " + std::to_string(ratio) + ": only 0, " + std::to_string(c.csa_rate) +
                   " (CSA) and " + std::to_string(c.hca_rate) + " (HCA) are possible here");
      c.hca_rate = ratio;
      hca_given = true;
      kinds.push_back(AttentionKind::kHca);
    }
  }
  return kinds;
}

void parse_layers(const Fields& f, ModelConfig& c) {
  const int64_t n = f.integer("num_hidden_layers", 1, kMaxLayers);
  c.layers.resize(static_cast<size_t>(n));
  bool csa_given = false, hca_given = false;
  parse_compress_rates(f, c, csa_given, hca_given);

  const json* types = f.array("layer_types");
  const json* ratios = f.array("compress_ratios");
  if (!types && !ratios) f.fail("layer_types", "is missing (and so is compress_ratios)");
  std::vector<AttentionKind> kinds;
  if (ratios) kinds = parse_compress_ratios(f, *ratios, hca_given, c);
  if (types && types->size() != c.layers.size())
    f.fail("layer_types",
           "must have " + std::to_string(n) + " entries, has " + std::to_string(types->size()));
  for (size_t i = 0; i < c.layers.size(); ++i) {
    if (types) c.layers[i].attention = named(f, kAttentionNames, at("layer_types", i), (*types)[i]);
    if (types && ratios && c.layers[i].attention != kinds[i])
      f.fail(at("layer_types", i), "disagrees with compress_ratios");
    if (!types) c.layers[i].attention = kinds[i];
  }

  c.num_nextn_predict_layers = f.integer_or("num_nextn_predict_layers", 1, 0, 1);
  if (kinds.size() > c.layers.size()) c.mtp_attention = kinds.back();
  if (const json* mtp = f.find("mtp_layer_type"))
    c.mtp_attention = named(f, kAttentionNames, "mtp_layer_type", *mtp);

  if (const json* mlps = f.array("mlp_layer_types")) {
    if (mlps->size() != c.layers.size())
      f.fail("mlp_layer_types",
             "must have " + std::to_string(n) + " entries, has " + std::to_string(mlps->size()));
    for (size_t i = 0; i < c.layers.size(); ++i)
      c.layers[i].mlp = named(f, kMlpNames, at("mlp_layer_types", i), (*mlps)[i]);
  } else {
    const int64_t num_hash = f.integer_or("num_hash_layers", std::min<int64_t>(3, n), 0, n);
    for (int64_t i = 0; i < num_hash; ++i) c.layers[static_cast<size_t>(i)].mlp = MlpKind::kHashMoe;
  }
}

// `scaling` is rope_scaling, a flat rope_parameters, or rope_parameters.compress.
std::optional<Yarn> parse_yarn(const Fields& scaling) {
  const json* type = scaling.find("rope_type") ? scaling.find("rope_type") : scaling.find("type");
  const std::string name = type ? scaling.text(*type, "rope_type") : "default";
  if (name == "default") return std::nullopt;
  if (name != "yarn") scaling.fail("rope_type", "must be default or yarn");
  Yarn y;
  y.factor = scaling.real("factor", 1, 1e6);
  y.original_max_position_embeddings =
      static_cast<double>(scaling.integer("original_max_position_embeddings", 1, int64_t{1} << 40));
  y.beta_fast = scaling.real_or("beta_fast", 32, 1e-3, 1e6);
  y.beta_slow = scaling.real_or("beta_slow", 1, 1e-3, 1e6);
  scaling.real_or("attention_factor", 1, 1, 1);  // V4 scales no attention temperature
  return y;
}

void parse_rope(const Fields& f, ModelConfig& c) {
  constexpr double kMinTheta = 1.0001, kMaxTheta = 1e15;
  c.rope_theta = f.real_or("rope_theta", 10000, kMinTheta, kMaxTheta);
  c.compress_rope_theta = f.real_or("compress_rope_theta", 160000, kMinTheta, kMaxTheta);
  std::optional<double> rotary_share;
  if (f.find("partial_rotary_factor")) rotary_share = f.real("partial_rotary_factor", 0, 1);

  auto scaling = f.object("rope_scaling");
  if (const auto parameters = f.object("rope_parameters")) {
    const auto main = parameters->object("main"), compress = parameters->object("compress");
    if (main && compress) {
      c.rope_theta = main->real_or("rope_theta", c.rope_theta, kMinTheta, kMaxTheta);
      c.compress_rope_theta =
          compress->real_or("rope_theta", c.compress_rope_theta, kMinTheta, kMaxTheta);
      if (parse_yarn(*main)) main->fail("rope_type", "must be default");
      if (!rotary_share && main->find("partial_rotary_factor"))
        rotary_share = main->real("partial_rotary_factor", 0, 1);
      scaling = compress;
    } else if (main || compress) {
      f.fail("rope_parameters", "must have both main and compress, or neither");
    } else {
      scaling = parameters;
    }
  }
  if (scaling) c.yarn = parse_yarn(*scaling);

  // The factor is a rounded quotient, so it stands for the nearest integer.
  const double from_share = rotary_share.value_or(64.0 / 512.0) * static_cast<double>(c.head_dim);
  c.qk_rope_head_dim = f.integer_or("qk_rope_head_dim", std::llround(from_share), 2, c.head_dim);
  if (rotary_share && std::abs(from_share - static_cast<double>(c.qk_rope_head_dim)) >= 0.5)
    f.fail("qk_rope_head_dim", "disagrees with partial_rotary_factor");
  if (c.qk_rope_head_dim < 2 || c.qk_rope_head_dim % 2)
    f.fail("qk_rope_head_dim",
           "must be even and at least 2, is " + std::to_string(c.qk_rope_head_dim));
}

void check_consistent(const Fields& f, const ModelConfig& c) {
  if (c.num_attention_heads % c.o_groups)
    f.fail("o_groups", "must divide num_attention_heads (" + std::to_string(c.num_attention_heads) +
                           "), is " + std::to_string(c.o_groups));
  if (c.num_experts_per_tok > c.n_routed_experts)
    f.fail("num_experts_per_tok", "is " + std::to_string(c.num_experts_per_tok) +
                                      ", above n_routed_experts (" +
                                      std::to_string(c.n_routed_experts) + ")");
  bool any_csa = c.num_nextn_predict_layers && c.mtp_attention == AttentionKind::kCsa;
  for (const Layer& layer : c.layers) any_csa |= layer.attention == AttentionKind::kCsa;
  if (any_csa && c.qk_rope_head_dim > c.index_head_dim)
    f.fail("index_head_dim", "is " + std::to_string(c.index_head_dim) +
                                 ", below qk_rope_head_dim (" + std::to_string(c.qk_rope_head_dim) +
                                 ")");
  const int64_t blocks = static_cast<int64_t>(c.layers.size()) + c.num_nextn_predict_layers;
  if (blocks * c.n_routed_experts > kMaxExpertMatrices)
    f.fail("n_routed_experts", "times the number of layers is " +
                                   std::to_string(blocks * c.n_routed_experts) + ", above " +
                                   std::to_string(kMaxExpertMatrices));
  if (Weights(c).num_floats() > kMaxParameters)
    f.fail("hidden_size", "and the other sizes give more than 8.8e12 parameters");
}

}  // namespace

ModelConfig parse_model_config(const std::string& json_text, const std::string& origin) {
  if (json_text.size() > kMaxConfigBytes)
    throw Error(origin + ": is larger than 4 MiB, so it is no config.json");
  json root;
  try {
    root = json::parse(json_text, StrictKeys(origin));
  } catch (const json::parse_error& e) {  // its text may quote the whole file
    throw Error(origin + ": is not valid JSON (at byte " + std::to_string(e.byte) + ")");
  } catch (const json::exception&) {
    throw Error(origin + ": is not valid JSON (a number is out of range)");
  }
  if (!root.is_object()) throw Error(origin + ": must be a JSON object");
  const Fields f(root, origin);
  if (!f.find("model_type")) f.fail("model_type", "is missing; it must be \"deepseek_v4\"");
  f.only("model_type", "deepseek_v4");
  f.only("hidden_act", "silu");
  f.only("scoring_func", "sqrtsoftplus");
  f.only("norm_topk_prob", true);
  f.only("num_key_value_heads", 1);
  f.only("tie_word_embeddings", false);
  f.only("attention_bias", false);
  f.only("mlp_bias", false);

  ModelConfig c;
  c.vocab_size = f.integer("vocab_size", 1, int64_t{1} << 24);
  c.hidden_size = f.integer("hidden_size", 1, kMaxWidth);
  c.num_attention_heads = f.integer("num_attention_heads", 1, 4096);
  c.head_dim = f.integer("head_dim", 2, 1 << 14);
  c.q_lora_rank = f.integer("q_lora_rank", 1, kMaxWidth);
  c.o_groups = f.integer_or("o_groups", 8, 1, 4096);
  c.o_lora_rank = f.integer("o_lora_rank", 1, kMaxWidth);
  c.sliding_window = f.integer_or("sliding_window", 128, 1, int64_t{1} << 30);
  c.index_n_heads = f.integer_or("index_n_heads", 64, 1, 4096);
  c.index_head_dim = f.integer_or("index_head_dim", 128, 2, 1 << 14);
  c.index_topk = f.integer_or("index_topk", 512, 1, int64_t{1} << 30);
  c.n_routed_experts = f.integer("n_routed_experts", 1, 1 << 14);
  c.n_shared_experts = f.integer_or("n_shared_experts", 1, 0, 64);
  c.num_experts_per_tok = f.integer("num_experts_per_tok", 1, 1 << 14);
  c.moe_intermediate_size = f.integer("moe_intermediate_size", 1, kMaxWidth);
  c.routed_scaling_factor = f.real_or("routed_scaling_factor", 1.5, 1e-6, 1e6);
  c.swiglu_limit = f.real_or("swiglu_limit", 10, 0, 1e30);
  c.hc_mult = f.integer_or("hc_mult", 4, 1, kernels::kMaxStreams);
  c.hc_sinkhorn_iters = f.integer_or("hc_sinkhorn_iters", 20, 1, 1000);
  c.hc_eps = f.real_or("hc_eps", 1e-6, 0, 0.1);
  c.rms_norm_eps = f.real_or("rms_norm_eps", 1e-6, 0, 0.1);
  c.max_position_embeddings = f.integer_or("max_position_embeddings", 1048576, 1, int64_t{1} << 40);
  c.bos_token_id = token_id(f, root, "bos_token_id", 0, c.vocab_size);
  c.eos_token_id = token_id(f, root, "eos_token_id", 1, c.vocab_size);
  c.pad_token_id = token_id(f, root, "pad_token_id", std::nullopt, c.vocab_size);
  parse_layers(f, c);
  parse_rope(f, c);
  check_consistent(f, c);
  return c;
}

ModelConfig load_model_config(const std::string& path) {
  return parse_model_config(read_file(path, kMaxConfigBytes), path);
}

}  // namespace amalgam::model
