#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/check.h"
#include "model/durable_file.h"
#include "model/safetensors.h"

namespace amalgam::model {

void write_safetensors(const std::string& path, std::vector<StoredTensor> tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const StoredTensor& a, const StoredTensor& b) {
    const int64_t x = size_of(a.dtype), y = size_of(b.dtype);
    return x != y ? x > y : a.name < b.name;
  });
  // Keys in order of the data, as the reference implementation writes them.
  std::string header = R"({"__metadata__":{"format":"pt"})";
  int64_t offset = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const StoredTensor& t = tensors[i];
    if (i > 0 && size_of(tensors[i - 1].dtype) == size_of(t.dtype))
      CHECK(tensors[i - 1].name != t.name);
    int64_t elements = 1;
    for (const int64_t dim : t.shape) elements *= dim;
    CHECK_EQ(elements, t.num_elements);
    header += "," + nlohmann::json(t.name).dump() + R"(:{"dtype":")" + name_of(t.dtype) +
              R"(","shape":)" + nlohmann::json(t.shape).dump() + R"(,"data_offsets":[)" +
              std::to_string(offset) + "," + std::to_string(offset + t.num_bytes()) + "]}";
    offset += t.num_bytes();
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');

  DurableFile file(path);
  const uint64_t header_bytes = header.size();
  file.write(&header_bytes, sizeof header_bytes);
  file.write(header.data(), header.size());
  for (const StoredTensor& t : tensors) file.write(t.data, static_cast<size_t>(t.num_bytes()));
  file.commit();
}

}  // namespace amalgam::model
