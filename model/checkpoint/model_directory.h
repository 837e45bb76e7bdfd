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

}  // namespace amalgam::model
