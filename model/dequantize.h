// Released quantised weights to f32 (MODEL.md §3). Exact: every product of a value and a power of
// two scale is an f32 number, but for scales below 2^-117, which no weight has.
#pragma once
#include <cstdint>

namespace amalgam::model {

inline constexpr int64_t kFp8Tile = 128;   // one scale per 128 × 128 tile, the last ones partial
inline constexpr int64_t kFp4Block = 32;   // one scale per 1 × 32 along the input dimension
inline constexpr uint8_t kScaleNan = 255;  // the one UE8M0 byte that is no number

// UE8M0: 2^(byte - 127).
float ue8m0_value(uint8_t byte);
float e4m3_value(uint8_t byte);

// Rows [begin, end) of a [rows, cols] weight, written from out[0].
// weight [rows, cols] E4M3, scale [ceil(rows / 128), ceil(cols / 128)] UE8M0.
void dequantize_e4m3(const uint8_t* weight, const uint8_t* scale, int64_t cols, int64_t begin,
                     int64_t end, float* out);
// weight [rows, cols / 2], two E2M1 values a byte, low nibble first; scale [rows, ceil(cols / 32)].
void dequantize_e2m1(const uint8_t* weight, const uint8_t* scale, int64_t cols, int64_t begin,
                     int64_t end, float* out);

}  // namespace amalgam::model
