// safetensors: tensors by name in one file, the format of Hugging Face checkpoints.
//
//   u64 little-endian header size | JSON header {name: {dtype, shape, data_offsets}} | data
//
// Reading maps the file, so opening costs the header only. Everything the header claims is checked
// against the file when it is opened; a view from an open file can then be trusted.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/tensors/durable_file.h"

namespace amalgam::model {

enum class DType { kF64, kF32, kF16, kBF16, kI64, kI32, kI8, kU8, kF8E4M3, kF8E8M0 };

const char* name_of(DType dtype);  // as in a header: "F32", "F8_E4M3", …
int64_t size_of(DType dtype);      // bytes of one element

struct StoredTensor {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  const std::byte* data = nullptr;  // [num_elements] row-major; need not be aligned
  int64_t num_elements = 0;
  int64_t file_offset = 0;  // of data, in the file that was opened

  int64_t num_bytes() const { return num_elements * size_of(dtype); }
};

// "F32 [96, 32]", for messages.
std::string describe(DType dtype, const std::vector<int64_t>& shape);

// A mapped file. Its tensors' data stays valid as long as this object. The file must not be
// changed in place meanwhile; replacing it by rename, as all writers here do, is harmless.
class SafetensorsFile {
 public:
  // Throws Error for a file that cannot be opened or that is not valid: header above 100 MB or
  // above the file, malformed or unknown fields, duplicate names, offsets that overlap, leave
  // holes, leave the file or bytes unused, or do not agree with dtype and shape.
  explicit SafetensorsFile(const std::string& path);
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&& other) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) = delete;

  const std::string& path() const { return path_; }
  const std::vector<StoredTensor>& tensors() const { return tensors_; }  // sorted by name
  const StoredTensor* find(std::string_view name) const;                 // nullptr: absent
  const StoredTensor& at(std::string_view name) const;                   // Error: absent

 private:
  std::string path_;
  const std::byte* mapping_ = nullptr;
  size_t mapping_bytes_ = 0;
  std::vector<StoredTensor> tensors_;
};

// Copies elements [begin, end). Throws Error naming the tensor if the dtype is not F32, BF16 or F16
// (not I32 or I64, or a value outside int32).
void copy_floats(const StoredTensor& t, int64_t begin, int64_t end, float* out);
void copy_ints(const StoredTensor& t, int64_t begin, int64_t end, int32_t* out);

// A file being written, tensor by tensor: `path` is at every moment absent, the old file or the
// complete new one, and the new one is on disk after commit() (model/tensors/durable_file.h).
// Destroyed without commit(), it leaves nothing.
class SafetensorsWriter {
 public:
  // Names must be distinct; data is not looked at. Throws Error when the disk does not take it.
  SafetensorsWriter(const std::string& path, std::vector<StoredTensor> tensors);

  // In the order in which their data must be written: elements of larger dtypes first, then by
  // name, so all data is aligned and equal content gives equal bytes.
  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  void write(const void* data, size_t num_bytes);
  // Instead of all write(): bytes of tensors()[i] from its byte `first` on, in any order, each
  // once.
  void write_at(size_t i, int64_t first, const void* data, size_t num_bytes);
  void commit();  // everything was written

 private:
  std::vector<StoredTensor> tensors_;
  std::vector<int64_t> offsets_;  // of each tensor's data in the file
  int64_t missing_bytes_ = 0;
  DurableFile file_;
};

// Writes tensors that are in memory.
void write_safetensors(const std::string& path, std::vector<StoredTensor> tensors);

}  // namespace amalgam::model
