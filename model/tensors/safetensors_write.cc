#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/check.h"
#include "model/tensors/safetensors.h"

namespace amalgam::model {

SafetensorsWriter::SafetensorsWriter(const std::string& path, std::vector<StoredTensor> tensors)
    : tensors_(std::move(tensors)), file_(path) {
  std::sort(tensors_.begin(), tensors_.end(), [](const StoredTensor& a, const StoredTensor& b) {
    const int64_t x = size_of(a.dtype), y = size_of(b.dtype);
    return x != y ? x > y : a.name < b.name;
  });
  // Keys in order of the data, as the reference implementation writes them.
  std::string header = R"({"__metadata__":{"format":"pt"})";
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const StoredTensor& t = tensors_[i];
    if (i > 0 && size_of(tensors_[i - 1].dtype) == size_of(t.dtype))
      CHECK(tensors_[i - 1].name != t.name);
    int64_t elements = 1;
    for (const int64_t dim : t.shape) elements *= dim;
    CHECK_EQ(elements, t.num_elements);
    const int64_t offset = missing_bytes_;
    offsets_.push_back(offset);
    missing_bytes_ += t.num_bytes();
    header += "," + nlohmann::json(t.name).dump() + R"(:{"dtype":")" + name_of(t.dtype) +
              R"(","shape":)" + nlohmann::json(t.shape).dump() + R"(,"data_offsets":[)" +
              std::to_string(offset) + "," + std::to_string(missing_bytes_) + "]}";
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const uint64_t header_bytes = header.size();
  file_.write(&header_bytes, sizeof header_bytes);
  file_.write(header.data(), header.size());
  for (int64_t& offset : offsets_)
    offset += static_cast<int64_t>(sizeof header_bytes + header.size());
}

void SafetensorsWriter::write_at(size_t i, int64_t first, const void* data, size_t num_bytes) {
  CHECK(first >= 0 && first + static_cast<int64_t>(num_bytes) <= tensors_[i].num_bytes());
  file_.write_at(offsets_[i] + first, data, num_bytes);
  missing_bytes_ -= static_cast<int64_t>(num_bytes);
}

void SafetensorsWriter::write(const void* data, size_t num_bytes) {
  file_.write(data, num_bytes);
  missing_bytes_ -= static_cast<int64_t>(num_bytes);
}

void SafetensorsWriter::commit() {
  CHECK_EQ(missing_bytes_, 0);
  file_.commit();
}

void write_safetensors(const std::string& path, std::vector<StoredTensor> tensors) {
  SafetensorsWriter writer(path, std::move(tensors));
  for (const StoredTensor& t : writer.tensors())
    writer.write(t.data, static_cast<size_t>(t.num_bytes()));
  writer.commit();
}

}  // namespace amalgam::model
