#include <nlohmann/json.hpp>

#include "configs/check.h"
#include "model/checkpoint.h"
#include "model/durable_file.h"
#include "model/safetensors.h"
#include "model/shard_index.h"

namespace amalgam::model {
namespace {

using nlohmann::json;

std::vector<StoredTensor> stored_tensors(const Weights& weights) {
  struct Collect {
    std::vector<StoredTensor> tensors;
    void operator()(const std::string& name, const Tensor& t, Role) {
      std::vector<int64_t> shape = {t.rows};
      if (t.rank == 2) shape.push_back(t.cols);
      add(name, DType::kF32, std::move(shape), t.data, t.size());
    }
    void operator()(const std::string& name, const IntTensor& t) {
      add(name, DType::kI32, {t.rows, t.cols}, t.data, t.size());
    }
    void add(const std::string& name, DType dtype, std::vector<int64_t> shape, const void* data,
             int64_t size) {
      CHECK(data != nullptr);
      tensors.push_back({name, dtype, std::move(shape), static_cast<const std::byte*>(data), size});
    }
  } collect;
  visit(weights, collect);
  return std::move(collect.tensors);
}

std::string shard_name(size_t i, size_t n) {
  const auto five = [](size_t k) {
    const std::string digits = std::to_string(k);
    return std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
  };
  return "model-" + five(i + 1) + "-of-" + five(n) + ".safetensors";
}

// Tensors stay in visiting order; a shard is full when the next one would pass the limit.
void write_tensors(const std::string& directory, std::vector<StoredTensor> tensors,
                   int64_t max_shard_bytes) {
  std::vector<std::vector<StoredTensor>> shards(1);
  int64_t total_bytes = 0, shard_bytes = 0;
  for (StoredTensor& t : tensors) {
    if (!shards.back().empty() && shard_bytes + t.num_bytes() > max_shard_bytes) {
      shards.emplace_back();
      shard_bytes = 0;
    }
    shard_bytes += t.num_bytes();
    total_bytes += t.num_bytes();
    shards.back().push_back(std::move(t));
  }
  if (shards.size() == 1) {
    write_safetensors(directory + "/model.safetensors", std::move(shards[0]));
    return;
  }
  ShardIndex index;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shard_name(i, shards.size());
    for (const StoredTensor& t : shards[i]) index.emplace(t.name, name);
    write_safetensors(directory + "/" + name, std::move(shards[i]));
  }
  write_file_durably(directory + "/model.safetensors.index.json",
                     shard_index_json(index, total_bytes));
}

std::string generation_config_json(const ModelConfig& c) {
  json root = {{"_from_model_config", true}, {"transformers_version", "5.23.0"}};
  if (c.bos_token_id) root["bos_token_id"] = *c.bos_token_id;
  if (c.eos_token_id) root["eos_token_id"] = *c.eos_token_id;
  if (c.pad_token_id) root["pad_token_id"] = *c.pad_token_id;
  return root.dump(2) + "\n";
}

}  // namespace

void save_model(const std::string& directory, const ModelConfig& config, const Weights& weights,
                const SaveOptions& options) {
  CHECK_EQ(static_cast<int64_t>(weights.mtp.size()), config.num_nextn_predict_layers);
  CHECK_EQ(weights.blocks.size(), config.layers.size());
  const std::string staging = staging_directory(directory);
  write_tensors(staging, stored_tensors(weights), options.max_shard_bytes);
  write_file_durably(staging + "/config.json", model_config_json(config));
  write_file_durably(staging + "/generation_config.json", generation_config_json(config));
  if (options.add_files) options.add_files(staging);
  replace_directory(directory);
}

}  // namespace amalgam::model
