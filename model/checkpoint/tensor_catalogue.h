// All tensors of a model directory, by name, whatever the number of files.
#pragma once
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "model/tensors/safetensors.h"

namespace amalgam::model {

class TensorCatalogue {
 public:
  // Opens model.safetensors, or else what model.safetensors.index.json names. Throws Error for a
  // damaged file and for an index that does not say exactly what the files hold.
  explicit TensorCatalogue(const std::string& directory);

  const StoredTensor* find(std::string_view name) const;  // nullptr: absent
  const std::map<std::string_view, const StoredTensor*>& tensors() const { return tensors_; }
  const std::deque<SafetensorsFile>& files() const { return files_; }

 private:
  void open_shards(const std::string& directory, const std::string& index_path);

  std::deque<SafetensorsFile> files_;
  std::map<std::string_view, const StoredTensor*> tensors_;  // views into files_
};

}  // namespace amalgam::model
