// Float tensors of any model directory, quantised ones with their scales.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "model/checkpoint/stored_model.h"
#include "model/checkpoint/tensor_catalogue.h"

namespace amalgam::distill {

struct StoredFloat {
  const model::StoredTensor* stored = nullptr;
  std::vector<int64_t> shape;  // of the numbers: packed FP4 has two a byte
  int64_t num_elements = 0;
  int64_t bytes = 0;  // with the scale
  // As MergeTensor has them; the name says where it is, for messages.
  model::FloatSource source = {};
};

// "X.weight" of E4M3 or packed E2M1 has its scales in "X.scale" (MODEL.md §7).
bool is_scale(const model::TensorCatalogue& tensors, const model::StoredTensor& stored);

// Nothing: integers, which are not merged. Throws Error for numbers of a type that is not read.
std::optional<StoredFloat> stored_float(const model::TensorCatalogue& tensors,
                                        const model::StoredTensor& stored,
                                        const std::string& directory);

}  // namespace amalgam::distill
