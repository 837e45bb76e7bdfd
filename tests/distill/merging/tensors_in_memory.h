// Tensors of a merging that lie in memory, as f32.
#pragma once
#include <deque>
#include <string>
#include <vector>

#include "distill/merging/merger.h"

namespace amalgam::distill {

struct TensorsInMemory {
  std::vector<MergeTensor> tensors;

  // An empty base: there is none.
  void add(const std::string& name, const std::vector<int64_t>& shape,
           const std::vector<float>& base, const std::vector<std::vector<float>>& models) {
    MergeTensor t{.name = name, .cols = shape.back()};
    t.rows = 1;
    for (size_t i = 0; i + 1 < shape.size(); ++i) t.rows *= shape[i];
    if (!base.empty()) t.base = source(base);
    for (const std::vector<float>& model : models) t.models.push_back(source(model));
    tensors.push_back(std::move(t));
  }

 private:
  model::FloatSource source(const std::vector<float>& x) {
    data_.push_back(x);
    const auto n = static_cast<int64_t>(x.size());
    stored_.push_back({"memory",
                       model::DType::kF32,
                       {n},
                       reinterpret_cast<const std::byte*>(data_.back().data()),
                       n});
    return {.name = "memory", .stored = &stored_.back(), .rows = n, .cols = 1};
  }
  std::deque<std::vector<float>> data_;
  std::deque<model::StoredTensor> stored_;
};

inline std::vector<float> merged(Merger& merger, const MergeTensor& t, size_t index) {
  std::vector<float> result(static_cast<size_t>(t.size()));
  merger.merge(index, 0, t.size(), [&](int64_t begin, int64_t end, const double* x) {
    for (int64_t i = begin; i < end; ++i)
      result[static_cast<size_t>(i)] = static_cast<float>(x[i - begin]);
  });
  return result;
}

}  // namespace amalgam::distill
