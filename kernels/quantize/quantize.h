// Block quantisation (MODEL.md §3): E4M3 and packed E2M1 values with one UE8M0 scale a block.
//
//   E4M3  scale = 2^ceil(log2(amax / 448)), amax at least 1e-4        blocks of `tile` elements
//   E2M1  scale = 2^ceil(log2(amax / 6)),   amax at least 6 · 2^-126  blocks of 1 × 32
//   code  = value / scale rounded to nearest, ties to even; a zero keeps its sign
//   value = code · scale
//
// The division and the product are exact (scales are powers of two), so there is one rounding, and
// the scale comes from comparing mantissas, not from a logarithm. Blocks begin at multiples of the
// tile; the last ones may be partial. Values quantised twice stay the same; a scale need not: where
// the largest value of a block rounded down to 3 · scale (224 · scale), the second time finds
// half the scale and twice the codes.
//
// Mistakes it invites: log2 in floating point (Quantize.ScalesAtTheEdges), a tie rounded away from
// zero (Quantize.TiesGoToEven), a scale per row where the last tile is partial
// (Quantize.PartialTiles), the high nibble first (QuantizeGolden.E2M1).
#pragma once
#include <cstdint>

namespace amalgam::kernels {

struct Tile {
  int64_t rows, cols;
};
inline constexpr Tile kFp8WeightTile{128, 128};
inline constexpr Tile kFp8ActivationTile{1, 128};
inline constexpr Tile kFp8CacheTile{1, 64};
inline constexpr Tile kFp4Tile{1, 32};
inline constexpr uint8_t kScaleNan = 255;  // the one UE8M0 byte that is no number

// Tiles along a dimension of n.
inline int64_t num_tiles(int64_t n, int64_t tile) { return (n + tile - 1) / tile; }

// UE8M0: 2^(byte - 127).
float ue8m0_value(uint8_t byte);
float e4m3_value(uint8_t byte);
uint8_t e4m3_code(float value);    // the nearest, ties to even; |value| <= 448
float e2m1_value(uint8_t nibble);  // in the low four bits
// Of a block whose largest magnitude is amax, finite.
uint8_t e4m3_scale(float amax);
uint8_t e2m1_scale(float amax);

// Rows [begin, end) of x [rows, cols]; begin is a multiple of tile.rows, end too or the last row.
// Pointers are to row 0. Every value must be finite.
// codes [rows, cols], scales [⌈rows / tile.rows⌉, ⌈cols / tile.cols⌉].
void quantize_e4m3(const float* x, int64_t cols, Tile tile, int64_t begin, int64_t end,
                   uint8_t* codes, uint8_t* scales);
// codes [rows, cols / 2], two a byte, low nibble first; scales [rows, ⌈cols / 32⌉]. cols is even.
void quantize_e2m1(const float* x, int64_t cols, int64_t begin, int64_t end, uint8_t* codes,
                   uint8_t* scales);

// Rows [begin, end), written from out[0]. Exact, but for scales below 2^-117, which no weight has.
void dequantize_e4m3(const uint8_t* codes, const uint8_t* scales, int64_t cols, Tile tile,
                     int64_t begin, int64_t end, float* out);
void dequantize_e2m1(const uint8_t* codes, const uint8_t* scales, int64_t cols, int64_t begin,
                     int64_t end, float* out);

// What dequantising the quantised row gives, blocks of 1 × width; out may be x. A block with a NaN
// or an infinity stays as it is, so that whoever looks for one still finds it.
void fake_quantize_e4m3(const float* x, int64_t n, int64_t width, float* out);
void fake_quantize_e2m1(const float* x, int64_t n, float* out);  // width 32; n may be odd

// f32 -> bf16, to nearest, ties to even. NaN stays NaN.
uint16_t bf16_bits(float x);
float round_to_bf16(float x);

}  // namespace amalgam::kernels
