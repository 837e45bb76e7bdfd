#include "kernels/quantize/quantize.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "configs/check.h"

namespace amalgam::kernels {
namespace {

constexpr uint32_t kSign = 0x80000000u, kInfinity = 0x7f800000u, kMantissa = 0x007fffffu;

// A small float format: `mantissa_bits` below the leading one, normal numbers from 2^min_exponent.
struct E4M3 {
  static constexpr int kMantissaBits = 3, kMinExponent = -6;
  static constexpr uint32_t kMaxMantissa = 0x600000;  // of the largest value, 448 = 1.75 · 2^8
  static constexpr int kMaxExponent = 8;
  static constexpr float kMinAmax = 1e-4f;
};
struct E2M1 {
  static constexpr int kMantissaBits = 1, kMinExponent = 0;
  static constexpr uint32_t kMaxMantissa = 0x400000;  // 6 = 1.5 · 2^2
  static constexpr int kMaxExponent = 2;
  static constexpr float kMinAmax = 6 * 0x1p-126f;
};

// ceil(log2(amax / largest)) + 127: amax = 1.m · 2^E against 1.M · 2^Emax.
template <class Format>
uint8_t scale_of(float amax) {
  const auto bits = std::bit_cast<uint32_t>(std::max(amax, Format::kMinAmax));
  const auto exponent = static_cast<int>(bits >> 23) - Format::kMaxExponent;
  return static_cast<uint8_t>(exponent + ((bits & kMantissa) > Format::kMaxMantissa));
}

// The nearest value of the format, |x| within its range; keeps the sign of what becomes zero.
// Adding 1.5 · 2^23 units makes the hardware round to whole units, ties to even.
template <class Format>
float round_to(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  constexpr uint32_t kLeast = static_cast<uint32_t>(Format::kMinExponent + 127) << 23;
  const uint32_t exponent = std::max(bits & kInfinity, kLeast);
  const uint32_t magic_bits = exponent + ((23 - Format::kMantissaBits) << 23) + 0x400000u;
  const float magic = std::bit_cast<float>(magic_bits);
  const float rounded = (x + magic) - magic;
  return std::bit_cast<float>((std::bit_cast<uint32_t>(rounded) & ~kSign) | (bits & kSign));
}

// The code of a value of the format.
template <class Format>
uint8_t code_of(float rounded) {
  const uint32_t bits = std::bit_cast<uint32_t>(rounded), magnitude = bits & ~kSign;
  constexpr int kShift = 23 - Format::kMantissaBits;
  constexpr uint32_t kBias = static_cast<uint32_t>(126 + Format::kMinExponent)
                             << Format::kMantissaBits;
  constexpr uint32_t kLeast = static_cast<uint32_t>(Format::kMinExponent + 127) << 23;
  constexpr float kUnits = static_cast<float>(1 << (Format::kMantissaBits - Format::kMinExponent));
  const uint32_t code = magnitude >= kLeast
                            ? (magnitude >> kShift) - kBias
                            : static_cast<uint32_t>(std::bit_cast<float>(magnitude) * kUnits);
  constexpr int kSignShift = Format::kMantissaBits == 3 ? 24 : 28;
  return static_cast<uint8_t>(code | (bits & kSign) >> kSignShift);
}

// Bits of the largest magnitude: they order like the magnitudes, with infinity and NaN above all.
uint32_t amax_bits(const float* x, int64_t n) {
  uint32_t top = 0;
  for (int64_t i = 0; i < n; ++i) top = std::max(top, std::bit_cast<uint32_t>(x[i]) & ~kSign);
  return top;
}

// 1 / 2^(byte - 127). Scales are at most 2^126.
float inverse(uint8_t byte) { return ue8m0_value(static_cast<uint8_t>(254 - byte)); }

template <class Format>
void fake_quantize(const float* x, int64_t n, int64_t width, float* out) {
  for (int64_t begin = 0; begin < n; begin += width) {
    const int64_t end = std::min(begin + width, n);
    const uint32_t top = amax_bits(x + begin, end - begin);
    if (top >= kInfinity) {
      if (out != x) std::copy(x + begin, x + end, out + begin);
      continue;
    }
    const uint8_t byte = scale_of<Format>(std::bit_cast<float>(top));
    const float scale = ue8m0_value(byte), to_units = inverse(byte);
    for (int64_t i = begin; i < end; ++i) out[i] = round_to<Format>(x[i] * to_units) * scale;
  }
}

constexpr std::array<float, 16> kE2M1{0,     0.5f,  1,  1.5f,  2,  3,  4,  6,
                                      -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};

std::array<float, 256> make_e4m3_table() {
  std::array<float, 256> table{};
  for (int byte = 0; byte < 256; ++byte)
    table[static_cast<size_t>(byte)] = e4m3_value(static_cast<uint8_t>(byte));
  return table;
}

}  // namespace

float ue8m0_value(uint8_t byte) {
  if (byte == kScaleNan) return std::numeric_limits<float>::quiet_NaN();
  return std::bit_cast<float>(byte ? uint32_t{byte} << 23 : 0x00400000u);  // 2^-127 is subnormal
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

uint8_t e4m3_code(float value) { return code_of<E4M3>(round_to<E4M3>(value)); }
float e2m1_value(uint8_t nibble) { return kE2M1[nibble & 15]; }

uint8_t e4m3_scale(float amax) { return scale_of<E4M3>(amax); }
uint8_t e2m1_scale(float amax) { return scale_of<E2M1>(amax); }

void quantize_e4m3(const float* x, int64_t cols, Tile tile, int64_t begin, int64_t end,
                   uint8_t* codes, uint8_t* scales) {
  const int64_t tiles = num_tiles(cols, tile.cols);
  CHECK_EQ(begin % tile.rows, 0);
  for (int64_t top = begin; top < end; top += tile.rows) {
    const int64_t bottom = std::min(top + tile.rows, end);
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t left = t * tile.cols, width = std::min(tile.cols, cols - left);
      uint32_t amax = 0;
      for (int64_t r = top; r < bottom; ++r)
        amax = std::max(amax, amax_bits(x + r * cols + left, width));
      CHECK(amax < kInfinity);
      const uint8_t byte = scale_of<E4M3>(std::bit_cast<float>(amax));
      scales[top / tile.rows * tiles + t] = byte;
      const float to_units = inverse(byte);
      for (int64_t r = top; r < bottom; ++r)
        for (int64_t c = left; c < left + width; ++c)
          codes[r * cols + c] = e4m3_code(x[r * cols + c] * to_units);
    }
  }
}

void quantize_e2m1(const float* x, int64_t cols, int64_t begin, int64_t end, uint8_t* codes,
                   uint8_t* scales) {
  CHECK_EQ(cols % 2, 0);
  const int64_t tiles = num_tiles(cols, kFp4Tile.cols);
  for (int64_t r = begin; r < end; ++r)
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t left = t * kFp4Tile.cols, width = std::min(kFp4Tile.cols, cols - left);
      const float* in = x + r * cols + left;
      const uint32_t amax = amax_bits(in, width);
      CHECK(amax < kInfinity);
      const uint8_t byte = scale_of<E2M1>(std::bit_cast<float>(amax));
      scales[r * tiles + t] = byte;
      const float to_units = inverse(byte);
      uint8_t* out = codes + (r * cols + left) / 2;
      for (int64_t c = 0; c < width; c += 2) {
        const int low = code_of<E2M1>(round_to<E2M1>(in[c] * to_units));
        const int high = code_of<E2M1>(round_to<E2M1>(in[c + 1] * to_units));
        out[c / 2] = static_cast<uint8_t>(low | high << 4);
      }
    }
}

void dequantize_e4m3(const uint8_t* codes, const uint8_t* scales, int64_t cols, Tile tile,
                     int64_t begin, int64_t end, float* out) {
  static const std::array<float, 256> table = make_e4m3_table();
  const int64_t tiles = num_tiles(cols, tile.cols);
  for (int64_t r = begin; r < end; ++r, out += cols) {
    const uint8_t* row = codes + r * cols;
    for (int64_t t = 0; t < tiles; ++t) {
      const float s = ue8m0_value(scales[r / tile.rows * tiles + t]);
      const int64_t stop = t + 1 < tiles ? (t + 1) * tile.cols : cols;
      for (int64_t c = t * tile.cols; c < stop; ++c) out[c] = table[row[c]] * s;
    }
  }
}

void dequantize_e2m1(const uint8_t* codes, const uint8_t* scales, int64_t cols, int64_t begin,
                     int64_t end, float* out) {
  const int64_t tiles = num_tiles(cols, kFp4Tile.cols);
  for (int64_t r = begin; r < end; ++r, out += cols) {
    const uint8_t* row = codes + r * (cols / 2);
    for (int64_t t = 0; t < tiles; ++t) {
      const float s = ue8m0_value(scales[r * tiles + t]);
      const int64_t stop = t + 1 < tiles ? (t + 1) * kFp4Tile.cols : cols;
      for (int64_t c = t * kFp4Tile.cols; c < stop; c += 2) {
        out[c] = kE2M1[row[c / 2] & 15] * s;
        out[c + 1] = kE2M1[row[c / 2] >> 4] * s;
      }
    }
  }
}

void fake_quantize_e4m3(const float* x, int64_t n, int64_t width, float* out) {
  fake_quantize<E4M3>(x, n, width, out);
}
void fake_quantize_e2m1(const float* x, int64_t n, float* out) {
  fake_quantize<E2M1>(x, n, kFp4Tile.cols, out);
}

uint16_t bf16_bits(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if ((bits & ~kSign) > kInfinity) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float round_to_bf16(float x) { return std::bit_cast<float>(uint32_t{bf16_bits(x)} << 16); }

}  // namespace amalgam::kernels
