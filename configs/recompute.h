#pragma once
#include <string>
#include <vector>

namespace amalgam::configs {

// Which activations training computes again in the backward pass instead of keeping them. Changes
// no bit of any gradient.
enum class Recompute {
  kNone,     // all are kept
  kTensors,  // those that are cheap: norms, pooled entries, gathered rows, SwiGLU activations
  kLayer     // all but the residual streams between layers
};
inline std::vector<std::string> names_of(Recompute) { return {"none", "tensors", "layer"}; }

}  // namespace amalgam::configs
