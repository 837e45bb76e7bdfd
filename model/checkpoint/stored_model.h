// A model directory as it lies on the disk: its config, and where each tensor of ours is found in
// it, in any of the three spellings of MODEL.md §7. Nothing is read but headers until read_*.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/checkpoint/tensor_catalogue.h"
#include "model/checkpoint/tensor_names.h"
#include "model/network/model_config.h"
#include "model/network/weights.h"
#include "model/tensors/safetensors.h"

namespace amalgam::model {

struct FloatSource {
  std::string name;  // released
  const StoredTensor* stored = nullptr;
  const StoredTensor* scale = nullptr;  // quantised weights
  int64_t first = 0;                    // element of `stored` at which ours begins
  int64_t rows = 0, cols = 0;
  int rank = 1;
  Storage storage = Storage::kFloat32;  // how a released checkpoint would hold it
};
struct IntSource {
  std::string name;
  const StoredTensor* stored = nullptr;
  int64_t rows = 0, cols = 0;
};
struct TensorSources {
  std::vector<FloatSource> floats;  // both in the order of visit()
  std::vector<IntSource> ints;
};

class StoredModel {
 public:
  // Throws Error for whatever is not a model directory.
  explicit StoredModel(const std::string& path);

  const std::string& directory() const { return directory_; }
  // num_nextn_predict_layers says what the files hold (load_model tells why).
  const ModelConfig& config() const { return config_; }
  // Every tensor of `weights` (shaped by config(), bound or not). Throws Error with one line naming
  // the tensors that are missing, unknown, or of the wrong shape or dtype.
  TensorSources find(const Weights& weights) const;
  std::vector<std::string> files() const;                   // of tensors
  const std::string& file_of(const StoredTensor& t) const;  // one of them; `t` is of find()

 private:
  std::string directory_;
  ModelConfig config_;
  TensorCatalogue catalogue_;
  Spelling spelling_;
};

// Rows [begin, end) as f32; false if there is an infinity or a NaN among them.
[[nodiscard]] bool read_rows(const FloatSource& s, int64_t begin, int64_t end, float* out);
// The whole table. Throws Error, naming `directory`, for an expert that is not in [0, num_experts).
void read_table(const IntSource& s, int64_t num_experts, const std::string& directory,
                int32_t* out);

}  // namespace amalgam::model
