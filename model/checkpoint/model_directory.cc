#include "model/checkpoint/model_directory.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "model/checkpoint/shard_index.h"
#include "model/tensors/durable_file.h"

namespace amalgam::model {
namespace {

using nlohmann::json;

void write_file(const std::string& path, std::vector<StoredTensor> tensors,
                const WriteTensor& write) {
  SafetensorsWriter file(path, std::move(tensors));
  for (const StoredTensor& t : file.tensors()) write(t, file);
  file.commit();
}

// Tensors stay in their order; a shard is full when the next one would pass the limit.
void write_tensors(const std::string& directory, std::vector<StoredTensor> tensors,
                   const WriteTensor& write, int64_t max_shard_bytes) {
  std::vector<std::vector<StoredTensor>> shards(1);
  int64_t shard_bytes = 0;
  for (StoredTensor& t : tensors) {
    if (!shards.back().empty() && shard_bytes + t.num_bytes() > max_shard_bytes) {
      shards.emplace_back();
      shard_bytes = 0;
    }
    shard_bytes += t.num_bytes();
    shards.back().push_back(std::move(t));
  }
  for (size_t i = 0; i < shards.size(); ++i)
    write_file(directory + "/" + shard_name(i, shards.size()), shards[i], write);
  write_index(directory, shards);
}

std::string generation_config_json(const ModelConfig& c) {
  json root = {{"_from_model_config", true}, {"transformers_version", "5.23.0"}};
  if (c.bos_token_id) root["bos_token_id"] = *c.bos_token_id;
  if (c.eos_token_id) root["eos_token_id"] = *c.eos_token_id;
  if (c.pad_token_id) root["pad_token_id"] = *c.pad_token_id;
  return root.dump(2) + "\n";
}

}  // namespace

std::string shard_name(size_t i, size_t n) {
  if (n == 1) return "model.safetensors";
  const auto five = [](size_t k) {
    const std::string digits = std::to_string(k);
    return std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
  };
  return "model-" + five(i + 1) + "-of-" + five(n) + ".safetensors";
}

void write_index(const std::string& directory,
                 const std::vector<std::vector<StoredTensor>>& shards) {
  if (shards.size() == 1) return;
  ShardIndex index;
  int64_t total_bytes = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    for (const StoredTensor& t : shards[i]) {
      index.emplace(t.name, shard_name(i, shards.size()));
      total_bytes += t.num_bytes();
    }
  }
  write_file_durably(directory + "/model.safetensors.index.json",
                     shard_index_json(index, total_bytes));
}

void write_directory(const std::string& directory,
                     const std::function<void(const std::string& staging)>& fill,
                     Existing existing) {
  const std::string staging = staging_directory(directory);
  try {
    fill(staging);
  } catch (...) {  // a disk that is full, or a tensor that cannot be converted: leave no part of it
    std::error_code ignored;
    std::filesystem::remove_all(staging, ignored);
    throw;
  }
  existing == Existing::kKept ? place_directory(directory) : replace_directory(directory);
}

void write_model_directory(const std::string& directory, const ModelConfig& config,
                           Precision precision, std::vector<StoredTensor> tensors,
                           const WriteTensor& write, const SaveOptions& options) {
  write_directory(directory, [&](const std::string& staging) {
    write_tensors(staging, std::move(tensors), write, options.max_shard_bytes);
    write_file_durably(staging + "/config.json", model_config_json(config, precision));
    write_file_durably(staging + "/generation_config.json", generation_config_json(config));
    if (options.add_files) options.add_files(staging);
  });
}

}  // namespace amalgam::model
