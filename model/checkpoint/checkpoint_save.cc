#include "configs/check.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/model_directory.h"

namespace amalgam::model {
namespace {

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

}  // namespace

void save_model(const std::string& directory, const ModelConfig& config, const Weights& weights,
                const SaveOptions& options) {
  CHECK_EQ(static_cast<int64_t>(weights.mtp.size()), config.num_nextn_predict_layers);
  CHECK_EQ(weights.blocks.size(), config.layers.size());
  write_model_directory(
      directory, config, Precision::kF32, stored_tensors(weights),
      [](const StoredTensor& t, SafetensorsWriter& file) {
        file.write(t.data, static_cast<size_t>(t.num_bytes()));
      },
      options);
}

}  // namespace amalgam::model
