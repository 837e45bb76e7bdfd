// E2M1 with a scale per 1 × 32 -> E4M3 with a scale per 128 × 128 tile (MODEL.md §3): the largest
// of the tile's scales / 2^6, so that its 6 becomes 384.
//
// Lossless where the largest scale of a tile is at most 2^11 times the smallest: 0.5 then becomes
// at least 2^-6, E4M3's least normal number. Blocks of zeros are exact under any scale and do not
// count. In other tiles what falls between two E4M3 values is rounded.
#pragma once
#include <cstdint>
#include <vector>

namespace amalgam::kernels {

inline constexpr int kMaxLosslessRatioLog2 = 11;

struct RatioTile {
  int64_t row, col;  // of the tile
  int ratio_log2;    // of its largest and smallest scale, above kMaxLosslessRatioLog2
};

// Rows [begin, end) of codes [rows, cols / 2] and scales [rows, ⌈cols / 32⌉]; pointers are to row
// 0; begin is a multiple of 128, end too or the last row. out_codes [rows, cols], out_scales [⌈rows
// / 128⌉, ⌈cols / 128⌉]. Appends the tiles that are not lossless.
void fp4_to_fp8(const uint8_t* codes, const uint8_t* scales, int64_t cols, int64_t begin,
                int64_t end, uint8_t* out_codes, uint8_t* out_scales,
                std::vector<RatioTile>* not_lossless);

}  // namespace amalgam::kernels
