#include "model/tensors/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "configs/error.h"
#include "configs/printable.h"

namespace amalgam::model {
namespace {

struct DTypeInfo {
  const char* name;
  int64_t size;
};
// In the order of DType.
constexpr std::array<DTypeInfo, 10> kDTypes{{{"F64", 8},
                                             {"F32", 4},
                                             {"F16", 2},
                                             {"BF16", 2},
                                             {"I64", 8},
                                             {"I32", 4},
                                             {"I8", 1},
                                             {"U8", 1},
                                             {"F8_E4M3", 1},
                                             {"F8_E8M0", 1}}};

float from_bits(uint32_t bits) {
  float f;
  std::memcpy(&f, &bits, sizeof f);
  return f;
}

float from_half(uint16_t h) {
  const uint32_t sign = uint32_t{h & 0x8000u} << 16, exponent = (h >> 10) & 31, mantissa = h & 1023;
  if (exponent == 31) return from_bits(sign | 0x7f800000u | mantissa << 13);
  if (exponent > 0) return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
  const float tiny = static_cast<float>(mantissa) * 0x1p-24f;
  return sign ? -tiny : tiny;
}

// memcpy because data in a file need not be aligned.
template <class T>
T load(const std::byte* p, int64_t i) {
  T value;
  std::memcpy(&value, p + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

// In pieces whose size the compiler knows, so that it uses vectors.
void copy_bf16(const std::byte* p, int64_t n, float* out) {
  constexpr int64_t kPiece = 16;
  int64_t i = 0;
  for (; i + kPiece <= n; i += kPiece) {
    std::array<uint16_t, kPiece> half;
    std::array<uint32_t, kPiece> bits;
    std::memcpy(half.data(), p + i * 2, sizeof half);
    for (size_t k = 0; k < kPiece; ++k) bits[k] = uint32_t{half[k]} << 16;
    std::memcpy(out + i, bits.data(), sizeof bits);
  }
  for (; i < n; ++i) out[i] = from_bits(uint32_t{load<uint16_t>(p, i)} << 16);
}

}  // namespace

const char* name_of(DType dtype) { return kDTypes[static_cast<size_t>(dtype)].name; }
int64_t size_of(DType dtype) { return kDTypes[static_cast<size_t>(dtype)].size; }

std::string describe(DType dtype, const std::vector<int64_t>& shape) {
  std::string text = std::string(name_of(dtype)) + " [";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

void copy_floats(const StoredTensor& t, int64_t begin, int64_t end, float* out) {
  const std::byte* p = t.data + begin * size_of(t.dtype);
  const int64_t n = end - begin;
  switch (t.dtype) {
    case DType::kF32:
      if (n) std::memcpy(out, p, static_cast<size_t>(n) * sizeof(float));
      return;
    case DType::kBF16:
      copy_bf16(p, n, out);
      return;
    case DType::kF16:
      for (int64_t i = 0; i < n; ++i) out[i] = from_half(load<uint16_t>(p, i));
      return;
    default:
      throw Error("tensor " + printable(t.name) + " is " + describe(t.dtype, t.shape) +
                  "; F32, BF16 or F16 is needed");
  }
}

void copy_ints(const StoredTensor& t, int64_t begin, int64_t end, int32_t* out) {
  const std::byte* p = t.data + begin * size_of(t.dtype);
  const int64_t n = end - begin;
  if (t.dtype != DType::kI32 && t.dtype != DType::kI64)
    throw Error("tensor " + printable(t.name) + " is " + describe(t.dtype, t.shape) +
                "; I32 or I64 is needed");
  for (int64_t i = 0; i < n; ++i) {
    const int64_t value = t.dtype == DType::kI32 ? load<int32_t>(p, i) : load<int64_t>(p, i);
    if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max())
      throw Error("tensor " + printable(t.name) + " holds " + std::to_string(value) +
                  ", which does not fit 32 bits");
    out[i] = static_cast<int32_t>(value);
  }
}

}  // namespace amalgam::model
