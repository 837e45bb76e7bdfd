// Model directories of a run: making the first one, saving with the tokenizer beside the weights.
#pragma once
#include <string>

#include "configs/model_spec.h"
#include "model/checkpoint/checkpoint.h"
#include "model/tokenizer/tokenizer.h"

namespace amalgam::pipeline {

// The config of a new model: the spec's shape, vocabulary and special ids of the tokenizer.
model::ModelConfig new_model_config(const configs::ModelSpec& spec,
                                    const model::Tokenizer& tokenizer);

// The tokenizer's files and generation_config.json, as far as they are there.
void copy_tokenizer_files(const std::string& from, const std::string& to);
// save_model, with copy_tokenizer_files from `tokenizer_dir`.
void save_with_tokenizer(const std::string& directory, const model::ModelConfig& config,
                         const model::Weights& weights, const std::string& tokenizer_dir);

}  // namespace amalgam::pipeline
