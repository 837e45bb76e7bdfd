#include "model/dequantize.h"

#include <array>
#include <cstring>
#include <limits>

namespace amalgam::model {
namespace {

constexpr std::array<float, 16> kE2M1{0, 0.5f,  1,  1.5f,  2,  3,  4,  6,
                                      0, -0.5f, -1, -1.5f, -2, -3, -4, -6};

std::array<float, 256> make_e4m3_table() {
  std::array<float, 256> table{};
  for (int byte = 0; byte < 256; ++byte)
    table[static_cast<size_t>(byte)] = e4m3_value(static_cast<uint8_t>(byte));
  return table;
}

}  // namespace

float ue8m0_value(uint8_t byte) {
  if (byte == kScaleNan) return std::numeric_limits<float>::quiet_NaN();
  const uint32_t bits = byte ? uint32_t{byte} << 23 : 0x00400000u;  // 2^-127 is subnormal
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Sign, 4 exponent bits (bias 7), 3 mantissa bits; no infinities, NaN is all ones.
float e4m3_value(uint8_t byte) {
  const int exponent = (byte >> 3) & 15, mantissa = byte & 7;
  if (exponent == 15 && mantissa == 7) return std::numeric_limits<float>::quiet_NaN();
  const float magnitude = exponent ? static_cast<float>(8 + mantissa) *
                                         ue8m0_value(static_cast<uint8_t>(exponent + 117))
                                   : static_cast<float>(mantissa) * 0x1p-9f;
  return byte & 0x80 ? -magnitude : magnitude;
}

void dequantize_e4m3(const uint8_t* weight, const uint8_t* scale, int64_t cols, int64_t begin,
                     int64_t end, float* out) {
  static const std::array<float, 256> table = make_e4m3_table();
  const int64_t tiles = (cols + kFp8Tile - 1) / kFp8Tile;
  for (int64_t r = begin; r < end; ++r, out += cols) {
    const uint8_t* row = weight + r * cols;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const float s = ue8m0_value(scale[r / kFp8Tile * tiles + tile]);
      const int64_t stop = tile + 1 < tiles ? (tile + 1) * kFp8Tile : cols;
      for (int64_t c = tile * kFp8Tile; c < stop; ++c) out[c] = table[row[c]] * s;
    }
  }
}

void dequantize_e2m1(const uint8_t* weight, const uint8_t* scale, int64_t cols, int64_t begin,
                     int64_t end, float* out) {
  const int64_t blocks = (cols + kFp4Block - 1) / kFp4Block;
  for (int64_t r = begin; r < end; ++r, out += cols) {
    const uint8_t* row = weight + r * (cols / 2);
    for (int64_t block = 0; block < blocks; ++block) {
      const float s = ue8m0_value(scale[r * blocks + block]);
      const int64_t stop = block + 1 < blocks ? (block + 1) * kFp4Block : cols;
      for (int64_t c = block * kFp4Block; c < stop; c += 2) {
        out[c] = kE2M1[row[c / 2] & 15] * s;
        out[c + 1] = kE2M1[row[c / 2] >> 4] * s;
      }
    }
  }
}

}  // namespace amalgam::model
