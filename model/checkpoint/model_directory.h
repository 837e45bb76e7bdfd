// The files of a model directory, written from tensors that are produced one at a time.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "model/checkpoint/checkpoint.h"
#include "model/tensors/safetensors.h"

namespace amalgam::model {

// Writes all bytes of a tensor of the list to the file.
using WriteTensor = std::function<void(const StoredTensor&, SafetensorsWriter&)>;

// config.json, generation_config.json, and the tensors (their data is `write`'s business) in shards
// filled in the order given. `directory` is at every moment the old complete one or the new one.
void write_model_directory(const std::string& directory, const ModelConfig& config,
                           Precision precision, std::vector<StoredTensor> tensors,
                           const WriteTensor& write, const SaveOptions& options);

// For other writers of such directories. `fill` makes everything in a directory beside `directory`,
// which then takes its place; what fails on the way leaves no part of it. Kept: see
// place_directory().
enum class Existing { kReplaced, kKept };
void write_directory(const std::string& directory,
                     const std::function<void(const std::string& staging)>& fill,
                     Existing existing = Existing::kReplaced);
// The name of shard i of n, and the index of more than one; n = 1: model.safetensors and none.
std::string shard_name(size_t i, size_t n);
void write_index(const std::string& directory,
                 const std::vector<std::vector<StoredTensor>>& shards);

}  // namespace amalgam::model
