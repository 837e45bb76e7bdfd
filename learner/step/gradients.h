// Gradients: one buffer with the model's shapes, zeroed before each step and summed into by the
// backward passes. The router's selection bias has a place too; it stays zero.
// Int tables are null.
#pragma once
#include "kernels/device/arena.h"
#include "kernels/device/zero.h"
#include "model/network/weights.h"

namespace amalgam::learner {

class Gradients {
 public:
  explicit Gradients(const model::ModelConfig& config) : weights_(config) {
    memory_.resize(static_cast<size_t>(weights_.num_floats()));
    weights_.bind(memory_.data(), nullptr);
    for (auto& block : weights_.blocks) block.moe.tid2eid.data = nullptr;
  }

  void zero(kernels::ThreadPool& pool) {
    kernels::zero(pool, memory_.data(), static_cast<int64_t>(memory_.size()));
  }

  model::Weights& weights() { return weights_; }
  const model::Weights& weights() const { return weights_; }

 private:
  kernels::Buffer<float> memory_;
  model::Weights weights_;
};

}  // namespace amalgam::learner
