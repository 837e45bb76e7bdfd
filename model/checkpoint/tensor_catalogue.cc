#include "model/checkpoint/tensor_catalogue.h"

#include <filesystem>
#include <set>

#include "configs/error.h"
#include "configs/printable.h"
#include "model/checkpoint/shard_index.h"

namespace amalgam::model {

TensorCatalogue::TensorCatalogue(const std::string& directory) {
  const std::string single = directory + "/model.safetensors";
  const std::string index_path = single + ".index.json";
  std::error_code error;
  if (!std::filesystem::exists(single, error) && std::filesystem::exists(index_path, error)) {
    open_shards(directory, index_path);
    return;
  }
  files_.emplace_back(single);
  for (const StoredTensor& t : files_.back().tensors()) tensors_.emplace(t.name, &t);
}

void TensorCatalogue::open_shards(const std::string& directory, const std::string& index_path) {
  const ShardIndex index = read_shard_index(index_path);
  std::set<std::string> names;
  for (const auto& [tensor, file] : index) names.insert(file);
  for (const std::string& name : names) {
    files_.emplace_back(directory + "/" + name);
    for (const StoredTensor& t : files_.back().tensors()) {
      const auto it = index.find(t.name);
      if (it == index.end() || it->second != name)
        throw Error(index_path + ": does not say that " + printable(t.name) + " is in " +
                    printable(name));
      tensors_.emplace(t.name, &t);
    }
  }
  for (const auto& [tensor, file] : index)
    if (!find(tensor))
      throw Error(index_path + ": says that " + printable(tensor) + " is in " + printable(file) +
                  ", but it is not");
}

const StoredTensor* TensorCatalogue::find(std::string_view name) const {
  const auto it = tensors_.find(name);
  return it == tensors_.end() ? nullptr : it->second;
}

}  // namespace amalgam::model
