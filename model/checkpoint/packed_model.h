// A loaded model with its packed weights: ready for Network.
#pragma once
#include <string>

#include "kernels/device/arena.h"
#include "model/checkpoint/checkpoint.h"

namespace amalgam::model {

enum class Passes { kForward, kForwardAndBackward };

struct PackedModel {
  Model model;
  kernels::Buffer<float> packed, rounded;

  // `numerics` as the network's that runs it; backward passes need more memory for it.
  explicit PackedModel(Model loaded, const configs::NumericsConfig& numerics = {},
                       Passes passes = Passes::kForward)
      : model(std::move(loaded)) {
    packed.resize(static_cast<size_t>(model.weights.num_packed_floats()));
    model.weights.bind_packed(packed.data());
    if (passes == Passes::kForwardAndBackward) {
      rounded.resize(static_cast<size_t>(model.weights.num_rounded_floats(numerics)));
      model.weights.bind_rounded(numerics, rounded.data());
    }
    model.weights.pack(numerics);
  }
  const ModelConfig& config() const { return model.config; }
  const Weights& weights() const { return model.weights; }
};

inline PackedModel load_packed_model(const std::string& directory,
                                     const configs::NumericsConfig& numerics = {},
                                     Passes passes = Passes::kForward) {
  Model model = load_model(directory);
  const Weights& w = model.weights;
  require_memory(w.num_floats() + w.num_packed_floats() +
                     (passes == Passes::kForwardAndBackward ? w.num_rounded_floats(numerics) : 0),
                 directory);
  return PackedModel(std::move(model), numerics, passes);
}

}  // namespace amalgam::model
