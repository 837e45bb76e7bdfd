#include "pipeline/commands/inspect.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "configs/error.h"
#include "model/checkpoint/presets.h"
#include "model/cost/cost_model.h"
#include "model/encoding/python_json.h"
#include "model/network/sequence_cache.h"
#include "model/tensors/durable_file.h"
#include "pipeline/run_store/text_format.h"

namespace amalgam::pipeline {
namespace {

using model::CostModel;
using model::CostPart;
using model::Int128;
using model::KvStorage;

constexpr int64_t kMostTokens = int64_t{1} << 32;

struct Subject {
  CostModel cost;
  KvStorage kv = KvStorage::kFp8;
  std::optional<int64_t>
      allocated_bytes;  // of a model on disk: one sequence's cache in this program
};

Subject find_subject(const InspectOptions& options) {
  if (!options.kv.empty() && options.kv != "f32" && options.kv != "fp8")
    throw Error("inspect: --kv is f32 or fp8, not '" + options.kv + "'");
  if (options.model == "deepseek-v3.2") {
    if (options.kv == "f32") throw Error("inspect: deepseek-v3.2 is known with --kv fp8 only");
    return {model::deepseek_v32_cost_model(), KvStorage::kFp8, {}};
  }
  const auto storage = [&](KvStorage usual) {
    return options.kv.empty() ? usual : options.kv == "f32" ? KvStorage::kF32 : KvStorage::kFp8;
  };
  if (const auto preset = model::preset_config(options.model)) {
    const KvStorage kv = storage(KvStorage::kFp8);
    return {model::cost_model(*preset, kv), kv, {}};
  }
  const std::string path = model::complete_directory(options.model);
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    throw Error(options.model +
                ": no such model directory or config.json, and no preset (deepseek-v4-flash, "
                "deepseek-v4-pro, deepseek-v3.2)");
  const bool directory = std::filesystem::is_directory(path, error);
  const model::ModelConfig config =
      model::load_model_config(directory ? path + "/config.json" : path);
  const KvStorage kv = storage(KvStorage::kF32);
  return {model::cost_model(config, kv), kv,
          model::CacheLayout(config, options.context).num_floats * 4};
}

// One member a line, as the objects are meant to be read by people too.
class JsonObject {
 public:
  void text(const std::string& key, const std::string& value) {
    put(key, model::python_json_string(value));
  }
  void number(const std::string& key, Int128 value) { put(key, model::decimal(value)); }
  template <class Value>
  void parts(const std::string& key, const std::vector<CostPart>& list, const Value& value) {
    JsonObject inner;
    inner.indent_ = indent_ + "  ";
    for (const CostPart& p : list) inner.number(p.key, value(p));
    put(key, inner.str());
  }
  std::string str() const { return "{" + members_ + "\n" + indent_ + "}"; }

 private:
  void put(const std::string& key, const std::string& value) {
    members_ += (members_.empty() ? "\n" : ",\n") + indent_ + "  " +
                model::python_json_string(key) + ": " + value;
  }
  std::string members_, indent_;
};

void print_json(const InspectOptions& options, const Subject& s) {
  const int64_t n = options.context;
  const auto at = [&](const CostPart& p) { return p.at(n); };
  const auto up_to = [&](const CostPart& p) { return p.sum_up_to(n); };
  const auto trained = [&](const CostPart& p) { return model::kTrainingPerPrefill * up_to(p); };
  const Int128 prefill = total_up_to(s.cost.flops, n);
  JsonObject out;
  out.text("model", options.model);
  out.number("context", n);
  out.number("params_total", s.cost.params_total);
  out.number("params_active", s.cost.params_active);
  out.number("decode_flops_per_token", total_at(s.cost.flops, n));
  out.number("prefill_flops", prefill);
  out.number("training_flops", model::kTrainingPerPrefill * prefill);
  out.number("kv_bytes", total_at(s.cost.kv_bytes, n));
  out.text("kv_storage", s.kv == KvStorage::kF32 ? "f32" : "fp8");
  if (s.allocated_bytes) out.number("kv_bytes_allocated", *s.allocated_bytes);
  out.number("kv_bytes_bf16_gqa8", gqa8_kv_bytes(s.cost, n));
  out.parts("params_by_part", s.cost.params, at);
  out.parts("decode_flops_by_part", s.cost.flops, at);
  out.parts("prefill_flops_by_part", s.cost.flops, up_to);
  out.parts("training_flops_by_part", s.cost.flops, trained);
  out.parts("kv_bytes_by_part", s.cost.kv_bytes, at);
  std::printf("%s\n", out.str().c_str());
}

void print_row(const char* label, const std::vector<std::string>& columns) {
  std::string line = "  " + std::string(label);
  line.resize(std::max<size_t>(line.size(), 46), ' ');
  for (const std::string& column : columns)
    line += std::string(column.size() < 16 ? 16 - column.size() : 1, ' ') + column;
  line.erase(line.find_last_not_of(' ') + 1);
  std::printf("%s\n", line.c_str());
}

std::string percent(Int128 part, Int128 whole) {
  return fmt::format("{:.2f} %", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

void print_table(const InspectOptions& options, const Subject& s) {
  const int64_t n = options.context;
  const auto si = [](Int128 value) { return format_si(static_cast<double>(value)); };
  const auto bytes = [](Int128 value) { return format_bytes(static_cast<double>(value)); };
  std::printf("%s, context of %s tokens\n\n", options.model.c_str(),
              format_count(static_cast<double>(n)).c_str());

  print_row("PARAMETERS", {"number", "share"});
  for (const CostPart& p : s.cost.params)
    if (p.fixed > 0) print_row(p.label, {si(p.fixed), percent(p.fixed, s.cost.params_total)});
  print_row("total", {si(s.cost.params_total), ""});
  print_row("active for a token",
            {si(s.cost.params_active), percent(s.cost.params_active, s.cost.params_total)});

  std::printf("\n");
  print_row("FLOPS (FP8-equivalent)", {"decode, a token", "prefill", "training"});
  const auto flops_row = [&](const char* label, Int128 decode, Int128 prefill) {
    print_row(label, {si(decode), si(prefill), si(model::kTrainingPerPrefill * prefill)});
  };
  for (const CostPart& p : s.cost.flops) flops_row(p.label, p.at(n), p.sum_up_to(n));
  const Int128 prefill = total_up_to(s.cost.flops, n);
  flops_row("total", total_at(s.cost.flops, n), prefill);
  print_row("mean of a token", {"", si(prefill / n), si(model::kTrainingPerPrefill * prefill / n)});

  std::printf("\n");
  print_row(
      s.kv == KvStorage::kF32 ? "KV CACHE OF A SEQUENCE (f32)" : "KV CACHE OF A SEQUENCE (FP8)",
      {"size", "share"});
  const Int128 kv = total_at(s.cost.kv_bytes, n), gqa8 = gqa8_kv_bytes(s.cost, n);
  for (const CostPart& p : s.cost.kv_bytes)
    if (p.at(n) > 0) print_row(p.label, {bytes(p.at(n)), percent(p.at(n), kv)});
  print_row("total", {bytes(kv), ""});
  if (s.allocated_bytes)
    print_row("allocated here (f32, with compressor tails)", {bytes(*s.allocated_bytes), ""});
  print_row("BF16 GQA8 of the same depth", {bytes(gqa8), ""});
  print_row("total, of GQA8", {"", percent(kv, gqa8)});
}

}  // namespace

void InspectOptions::describe(OptionSet& options) {
  options.option("model", model, "preset, Hugging Face directory or config.json", Need::kRequired);
  options.option("--context", context, "tokens");
  options.option("--kv", kv,
                 "how KV entries are stored: f32, as this program holds them (usual for a model on "
                 "disk), or fp8, as released (usual for a preset)");
  options.flag("--json", json, "exact integers, one JSON object");
}

int run_inspect(const InspectOptions& options) {
  if (options.context < 1 || options.context > kMostTokens)
    throw Error("inspect: --context must be from 1 to " + std::to_string(kMostTokens) + " tokens");
  const Subject subject = find_subject(options);
  options.json ? print_json(options, subject) : print_table(options, subject);
  return 0;
}

}  // namespace amalgam::pipeline
