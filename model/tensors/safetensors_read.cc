// The header is parsed by events (SAX), not into a tree: memory stays proportional to the tensors
// it names, whatever nesting a hostile file contains.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "configs/error.h"
#include "configs/printable.h"
#include "model/tensors/safetensors.h"

namespace amalgam::model {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // as the reference implementation
constexpr size_t kMaxRank = 8;
constexpr size_t kMaxTensors = size_t{1} << 20;  // bounds what a hostile header makes us allocate

struct Entry {
  StoredTensor tensor;
  uint64_t begin = 0, end = 0;  // in the data section
};

std::optional<DType> parse_dtype(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(DType::kF8E8M0); ++i)
    if (name == name_of(static_cast<DType>(i))) return static_cast<DType>(i);
  return std::nullopt;
}

// Accepts exactly {name: {"dtype": s, "shape": [n…], "data_offsets": [n, n]}} and __metadata__
// {string: string}. Returning false from an event stops the parser; `error_` then says why.
class HeaderParser : public nlohmann::json_sax<json> {
 public:
  std::vector<Entry> entries;
  const std::string& error() const { return error_; }

  bool key(string_t& k) override {
    if (depth_ == 1) {
      name_ = std::move(k);
      in_metadata_ = name_ == "__metadata__";
    } else if (!in_metadata_) {
      if (k == "dtype")
        field_ = kDtype;
      else if (k == "shape")
        field_ = kShape;
      else if (k == "data_offsets")
        field_ = kOffsets;
      else
        return fail("has the unknown field " + printable(k));
      if (seen_ & field_) return fail("has a field twice");
      seen_ |= field_;
    }
    return true;
  }
  bool start_object(size_t) override {
    if (depth_ >= 2 || in_array_) return fail("is nested too deeply");
    if (++depth_ == 2 && !in_metadata_) {
      if (entries.size() == kMaxTensors) return fail("is one tensor too many (limit 2^20)");
      seen_ = 0;
      entries.emplace_back();
      entries.back().tensor.name = name_;
      num_offsets_ = 0;
    }
    return true;
  }
  bool end_object() override {
    if (depth_-- == 2 && !in_metadata_) {
      if (seen_ != (kDtype | kShape | kOffsets) || num_offsets_ != 2)
        return fail("needs dtype, shape and two data_offsets");
    }
    return true;
  }
  bool start_array(size_t) override {
    if (depth_ != 2 || in_metadata_ || in_array_ || field_ == kDtype) return fail_type();
    return in_array_ = true;
  }
  bool end_array() override {
    in_array_ = false;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (!in_array_) return fail_type();
    Entry& e = entries.back();
    if (field_ == kOffsets) {
      if (num_offsets_ == 2) return fail("has more than two data_offsets");
      (num_offsets_++ ? e.end : e.begin) = value;
      return true;
    }
    if (value > uint64_t{std::numeric_limits<int64_t>::max()}) return fail("has an absurd shape");
    if (e.tensor.shape.size() == kMaxRank) return fail("has more than 8 dimensions");
    e.tensor.shape.push_back(static_cast<int64_t>(value));
    return true;
  }
  bool string(string_t& value) override {
    if (in_metadata_ && depth_ == 2) return true;
    if (depth_ != 2 || in_array_ || field_ != kDtype) return fail_type();
    const auto dtype = parse_dtype(value);
    if (!dtype) return fail("has the unsupported dtype " + printable(value));
    entries.back().tensor.dtype = *dtype;
    return true;
  }
  bool null() override { return fail_type(); }
  bool boolean(bool) override { return fail_type(); }
  bool number_integer(number_integer_t) override { return fail_type(); }
  bool number_float(number_float_t, const string_t&) override { return fail_type(); }
  bool binary(binary_t&) override { return fail_type(); }
  bool parse_error(size_t position, const std::string&, const json::exception&) override {
    error_ = "the header is not valid JSON (at byte " + std::to_string(position) + " of it)";
    return false;
  }

 private:
  enum Field : int { kDtype = 1, kShape = 2, kOffsets = 4 };

  bool fail(const std::string& what) {
    error_ = depth_ == 0 ? "the header is no JSON object" : printable(name_) + " " + what;
    return false;
  }
  bool fail_type() { return fail("has a value of the wrong type"); }

  std::string error_, name_;
  int depth_ = 0;
  bool in_metadata_ = false, in_array_ = false;
  int field_ = 0, seen_ = 0, num_offsets_ = 0;
};

// Bytes of a tensor, or nothing when that does not fit 63 bits.
std::optional<int64_t> checked_elements(const StoredTensor& t) {
  int64_t n = 1, bytes = 0;
  // A zero anywhere makes the product zero, whatever the order of the factors.
  if (std::find(t.shape.begin(), t.shape.end(), 0) != t.shape.end()) return 0;
  for (const int64_t dim : t.shape)
    if (__builtin_mul_overflow(n, dim, &n)) return std::nullopt;
  if (__builtin_mul_overflow(n, size_of(t.dtype), &bytes)) return std::nullopt;
  return n;
}

std::vector<StoredTensor> parse_header(const std::byte* file, uint64_t file_bytes,
                                       const std::string& path) {
  const auto fail = [&](const std::string& what) {
    throw Error(path + ": " + what + "; the file is damaged or no safetensors file");
  };
  uint64_t header_bytes = 0;
  if (file_bytes < sizeof header_bytes) fail("is shorter than a header");
  std::memcpy(&header_bytes, file, sizeof header_bytes);
  if (header_bytes > kMaxHeaderBytes)
    fail("the header claims " + std::to_string(header_bytes) + " bytes, above 100 MB");
  if (header_bytes > file_bytes - sizeof header_bytes)
    fail("the header claims " + std::to_string(header_bytes) + " bytes, more than the file has");

  const char* text = reinterpret_cast<const char*>(file) + sizeof header_bytes;
  HeaderParser parser;
  if (!json::sax_parse(text, text + header_bytes, &parser)) fail(parser.error());
  std::vector<Entry>& entries = parser.entries;

  const std::byte* data = file + sizeof header_bytes + header_bytes;
  const uint64_t data_bytes = file_bytes - sizeof header_bytes - header_bytes;
  for (Entry& e : entries) {
    const auto elements = checked_elements(e.tensor);
    const std::string name = printable(e.tensor.name);
    if (!elements) fail(name + " has an absurd shape");
    if (e.begin > e.end || e.end > data_bytes)
      fail(name + " has data_offsets outside the file (truncated download?)");
    e.tensor.num_elements = *elements;
    if (static_cast<uint64_t>(e.tensor.num_bytes()) != e.end - e.begin)
      fail(name + " is " + describe(e.tensor.dtype, e.tensor.shape) + " but has " +
           std::to_string(e.end - e.begin) + " bytes");
    e.tensor.data = data + e.begin;
    e.tensor.file_offset = e.tensor.data - file;
  }

  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t used = 0;
  for (const Entry& e : entries) {
    if (e.begin < used) fail(printable(e.tensor.name) + " overlaps another tensor");
    if (e.begin > used) fail("there is a hole before " + printable(e.tensor.name));
    used = e.end;
  }
  if (used != data_bytes)
    fail(std::to_string(data_bytes - used) + " bytes at the end belong to no tensor");

  std::vector<StoredTensor> tensors;
  tensors.reserve(entries.size());
  for (Entry& e : entries) tensors.push_back(std::move(e.tensor));
  std::sort(tensors.begin(), tensors.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  for (size_t i = 1; i < tensors.size(); ++i)
    if (tensors[i].name == tensors[i - 1].name) fail(printable(tensors[i].name) + " appears twice");
  return tensors;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path) : path_(path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe would wait
  if (fd < 0) throw Error(path + ": cannot be opened: " + std::strerror(errno));
  struct stat info {};
  const bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  void* mapping = MAP_FAILED;
  if (regular && info.st_size > 0) {
    mapping_bytes_ = static_cast<size_t>(info.st_size);
    mapping = mmap(nullptr, mapping_bytes_, PROT_READ, MAP_PRIVATE, fd, 0);
  }
  const int reason = errno;
  close(fd);
  if (!regular) throw Error(path + ": is not a regular file");
  if (info.st_size == 0) throw Error(path + ": is empty");
  if (mapping == MAP_FAILED) throw Error(path + ": cannot be mapped: " + std::strerror(reason));
  mapping_ = static_cast<const std::byte*>(mapping);
  try {
    tensors_ = parse_header(mapping_, mapping_bytes_, path);
  } catch (...) {
    munmap(mapping, mapping_bytes_);
    throw;
  }
}

SafetensorsFile::SafetensorsFile(SafetensorsFile&& other) noexcept
    : path_(std::move(other.path_)),
      mapping_(std::exchange(other.mapping_, nullptr)),
      mapping_bytes_(std::exchange(other.mapping_bytes_, 0)),
      tensors_(std::move(other.tensors_)) {}

SafetensorsFile::~SafetensorsFile() {
  if (mapping_) munmap(const_cast<std::byte*>(mapping_), mapping_bytes_);
}

const StoredTensor* SafetensorsFile::find(std::string_view name) const {
  const auto it =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const StoredTensor& t, std::string_view n) { return t.name < n; });
  return it != tensors_.end() && it->name == name ? &*it : nullptr;
}

const StoredTensor& SafetensorsFile::at(std::string_view name) const {
  const StoredTensor* t = find(name);
  if (!t) throw Error(path_ + ": has no tensor " + printable(name));
  return *t;
}

}  // namespace amalgam::model
