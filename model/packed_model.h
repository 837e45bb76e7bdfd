// A loaded model with its packed weights: ready for Network.
#pragma once
#include <string>

#include "kernels/arena.h"
#include "model/checkpoint.h"

namespace amalgam::model {

struct PackedModel {
  Model model;
  kernels::Buffer<float> packed;

  explicit PackedModel(Model loaded) : model(std::move(loaded)) {
    packed.resize(static_cast<size_t>(model.weights.num_packed_floats()));
    model.weights.bind_packed(packed.data());
    model.weights.pack();
  }
  const ModelConfig& config() const { return model.config; }
  const Weights& weights() const { return model.weights; }
};

inline PackedModel load_packed_model(const std::string& directory) {
  return PackedModel(load_model(directory));
}

}  // namespace amalgam::model
