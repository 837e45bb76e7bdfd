// Writes the merged tensors into their places in a file of the result, a few megabytes at a time.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "distill/merging/merge_inputs.h"
#include "distill/merging/merger.h"
#include "model/tensors/safetensors.h"

namespace amalgam::distill {

// A file under construction and the places of its tensors in it, by name.
class MergedFile {
 public:
  MergedFile(const std::string& path, std::vector<model::StoredTensor> tensors);

  void write_at(const std::string& tensor, int64_t first_byte, const void* data, size_t num_bytes);
  void copy(const model::StoredTensor& tensor);
  void commit() { file_.commit(); }

 private:
  std::map<std::string, size_t, std::less<>> index_;
  model::SafetensorsWriter file_;
};

// Merges tensor `i` of the merger's and of `inputs`, in the type and layout that the base has for
// it. `kept` grows by the elements of each model that its steps kept. Throws Error for a number
// that is too large for the type.
void write_merged(Merger& merger, const MergeInputs& inputs, size_t i, kernels::ThreadPool& pool,
                  MergedFile& file, std::vector<int64_t>& kept);

}  // namespace amalgam::distill
