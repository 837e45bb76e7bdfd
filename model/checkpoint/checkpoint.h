// A model as a Hugging Face directory: config.json, model.safetensors (or shards and an index),
// generation_config.json. Read in all three spellings of MODEL.md §7, written in the first.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "kernels/device/arena.h"
#include "model/network/model_config.h"
#include "model/network/weights.h"

namespace amalgam::model {

// A model and its memory. Moving it keeps all pointers valid. Nothing is packed: callers that run
// it bind and pack Weights::packed memory themselves.
struct Model {
  ModelConfig config;
  kernels::Buffer<float> floats;
  kernels::Buffer<int32_t> ints;
  Weights weights;  // bound to the two buffers
};

// Memory for a model of this config, uninitialised.
Model allocate_model(const ModelConfig& config);

// Reads a model directory. Float tensors may be F32, BF16 or F16, or quantised as released (E4M3 or
// packed E2M1 with UE8M0 `.scale`, spelling 1) and become f32; hash tables I32 or I64.
//
// Nothing is allocated before every tensor of the config is found with the right shape and dtype,
// so a wrong config cannot cost memory. Throws Error with one line naming the tensors that are
// missing, unknown, or of the wrong shape or dtype, or a tensor that holds an infinity, a NaN or an
// impossible expert id, or saying that the model does not fit into this machine's memory.
//
// MTP: what the files hold counts, not num_nextn_predict_layers. transformers copies that key but
// drops the tensors, so a directory it saved says 1 and has none; the loaded config then says 0.
// Where there are mtp.0 tensors it says 1.
Model load_model(const std::string& directory);
// What of it can be checked by reading no weights: the config, and every tensor's shape and dtype.
void check_model(const std::string& directory);
// Error when this machine has less memory than so many floats of `directory` take: the kernel would
// promise it all the same, and later kill the process.
void require_memory(int64_t num_floats, const std::string& directory);

struct SaveOptions {
  int64_t max_shard_bytes = 4'000'000'000;  // above it: several files and an index
  // Called with the directory under construction, to add files (tokenizer.json, training state)
  // that must appear together with the model; use write_file_durably() and write_safetensors()
  // there.
  std::function<void(const std::string& directory)> add_files = {};
};

// Writes weights (all bound) to `directory`, which at every moment, also after a crash, is the old
// complete checkpoint or the new one (model/tensors/durable_file.h). Equal models give equal bytes.
void save_model(const std::string& directory, const ModelConfig& config, const Weights& weights,
                const SaveOptions& options = {});

}  // namespace amalgam::model
