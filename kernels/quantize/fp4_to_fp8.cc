#include "kernels/quantize/fp4_to_fp8.h"

#include <algorithm>
#include <cmath>

#include "configs/check.h"
#include "kernels/quantize/quantize.h"

namespace amalgam::kernels {

void fp4_to_fp8(const uint8_t* codes, const uint8_t* scales, int64_t cols, int64_t begin,
                int64_t end, uint8_t* out_codes, uint8_t* out_scales,
                std::vector<RatioTile>* not_lossless) {
  constexpr int kHeadroomLog2 = 6;
  constexpr int64_t kBlock = kFp4Tile.cols, kSide = kFp8WeightTile.cols;
  CHECK_EQ(begin % kFp8WeightTile.rows, 0);
  const int64_t blocks = num_tiles(cols, kBlock), tiles = num_tiles(cols, kSide);
  for (int64_t top = begin; top < end; top += kFp8WeightTile.rows)
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t bottom = std::min(top + kFp8WeightTile.rows, end);
      const int64_t first = t * (kSide / kBlock), last = std::min(first + kSide / kBlock, blocks);
      const auto each_block = [&](const auto& f) {
        for (int64_t r = top; r < bottom; ++r)
          for (int64_t b = first; b < last; ++b)
            f(r, b * kBlock, std::min((b + 1) * kBlock, cols), int{scales[r * blocks + b]});
      };
      int largest = -1, smallest = kScaleNan;
      each_block([&](int64_t r, int64_t left, int64_t right, int scale) {
        const uint8_t *p = codes + (r * cols + left) / 2, *stop = codes + (r * cols + right) / 2;
        if (std::all_of(p, stop, [](uint8_t pair) { return (pair & 0x77) == 0; })) return;
        largest = std::max(largest, scale);
        smallest = std::min(smallest, scale);
      });
      const int64_t tile_row = top / kFp8WeightTile.rows;
      if (largest - smallest > kMaxLosslessRatioLog2)
        not_lossless->push_back({tile_row, t, largest - smallest});
      const int scale = std::max(0, largest - kHeadroomLog2);
      out_scales[tile_row * tiles + t] = static_cast<uint8_t>(scale);
      each_block([&](int64_t r, int64_t left, int64_t right, int block_scale) {
        // A block of zeros may have a larger scale than the tile; any exponent is right for it.
        const float units = std::ldexp(1.0f, std::min(block_scale - scale, kHeadroomLog2));
        for (int64_t c = left; c < right; ++c) {
          const uint8_t pair = codes[(r * cols + c) / 2];
          out_codes[r * cols + c] =
              e4m3_code(e2m1_value(static_cast<uint8_t>(c % 2 ? pair >> 4 : pair)) * units);
        }
      });
    }
}

}  // namespace amalgam::kernels
