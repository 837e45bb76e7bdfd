// The inside of gemm.cc: register tiles and packing, compiled once per instruction set.
//
// A register tile is up to 6 rows × a few panels of 16 outputs, one accumulator lane per output.
// K is walked in ascending order; between K blocks the accumulators rest in C, so the chain of
// fused multiply-adds of an output is the same for every blocking.
#include <hwy/highway.h>

#include <cstdint>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_plan.h"

#if defined(AMALGAM_KERNELS_GEMM_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef AMALGAM_KERNELS_GEMM_KERNEL_INL_H_
#undef AMALGAM_KERNELS_GEMM_KERNEL_INL_H_
#else
#define AMALGAM_KERNELS_GEMM_KERNEL_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::CappedTag<float, kPanel>;
using Vec = hn::Vec<Lanes>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Lanes()));
constexpr int kVecs = static_cast<int>(kPanel) / kLanes;  // registers per panel

// Panels side by side in a tile of `rows` rows: at least 8 independent chains hide the latency of
// an FMA; accumulators, one row of B or A and a broadcast fit the 16 (AVX2) or 32 registers.
constexpr int panels_per_tile(int rows) {
  if (kVecs == 1) return 4;
  return rows == 1 ? 4 : rows == 2 ? 3 : rows == 3 ? 2 : 1;
}

// What a tile reads: A[r, k] at a[r * a_row + k * a_col], panel p of B[k] at b[k * b_k + p *
// b_panel].
struct Operands {
  const float* a;
  int64_t a_row, a_col;
  const float* b;
  int64_t b_k, b_panel;
  int64_t k;
  bool fetch_b;  // B comes from memory: ask for it ahead
};

// How many k ahead B is asked for, into L2: one core's demand misses and hardware prefetches alone
// leave a third of the memory's bandwidth unused (measured, decode_experts of gemm_bench).
constexpr int64_t kFetchAhead = 20;

// C[0:R, 0:16·P] = (from zero ? 0 : C) + A·B.
template <int R, int P, bool kFetchB>
HWY_NOINLINE void tile(const Operands& o, float* HWY_RESTRICT c, int64_t ldc, bool from_zero) {
  constexpr int kCols = P * kVecs;
  const Lanes d;
  Vec acc[R][kCols];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kCols; ++v) {
      acc[r][v] = from_zero ? hn::Zero(d) : hn::LoadU(d, c + r * ldc + v * kLanes);
    }
  }
  const float* HWY_RESTRICT a = o.a;
  const float* HWY_RESTRICT b = o.b;
  const int64_t a_row = o.a_row, a_col = o.a_col, b_k = o.b_k, b_panel = o.b_panel;
  for (int64_t k = 0; k < o.k; ++k) {
    if constexpr (kFetchB) {
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) {
        __builtin_prefetch(b + p * b_panel + kFetchAhead * b_k, /*write=*/0, /*L2=*/2);
      }
    }
    if constexpr (R <= 3) {  // few rows: they stay in registers, B streams
      Vec row[R];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) row[r] = hn::Set(d, a[r * a_row]);
#pragma GCC unroll 8
      for (int v = 0; v < kCols; ++v) {
        const Vec col = hn::LoadU(d, b + v / kVecs * b_panel + v % kVecs * kLanes);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) acc[r][v] = hn::MulAdd(row[r], col, acc[r][v]);
      }
    } else {
      Vec col[kCols];
#pragma GCC unroll 8
      for (int v = 0; v < kCols; ++v) {
        col[v] = hn::LoadU(d, b + v / kVecs * b_panel + v % kVecs * kLanes);
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const Vec row = hn::Set(d, a[r * a_row]);
#pragma GCC unroll 8
        for (int v = 0; v < kCols; ++v) acc[r][v] = hn::MulAdd(row, col[v], acc[r][v]);
      }
    }
    a += a_col;
    b += b_k;
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kCols; ++v) hn::StoreU(acc[r][v], d, c + r * ldc + v * kLanes);
  }
}

template <int R, int P>
void tile_panels(const Operands& o, float* c, int64_t ldc, bool from_zero) {
  o.fetch_b ? tile<R, P, true>(o, c, ldc, from_zero) : tile<R, P, false>(o, c, ldc, from_zero);
}

template <int R>
void tile_rows(int panels, const Operands& o, float* c, int64_t ldc, bool from_zero) {
  if (panels == 1) return tile_panels<R, 1>(o, c, ldc, from_zero);
  if constexpr (panels_per_tile(R) >= 2) {
    if (panels == 2) return tile_panels<R, 2>(o, c, ldc, from_zero);
  }
  if constexpr (panels_per_tile(R) >= 3) {
    if (panels == 3) return tile_panels<R, 3>(o, c, ldc, from_zero);
  }
  if constexpr (panels_per_tile(R) >= 4) {
    if (panels == 4) return tile_panels<R, 4>(o, c, ldc, from_zero);
  }
}

inline void tile_any(int rows, int panels, const Operands& o, float* c, int64_t ldc,
                     bool from_zero) {
  switch (rows) {
    case 1:
      return tile_rows<1>(panels, o, c, ldc, from_zero);
    case 2:
      return tile_rows<2>(panels, o, c, ldc, from_zero);
    case 3:
      return tile_rows<3>(panels, o, c, ldc, from_zero);
    case 4:
      return tile_rows<4>(panels, o, c, ldc, from_zero);
    case 5:
      return tile_rows<5>(panels, o, c, ldc, from_zero);
    default:
      return tile_rows<6>(panels, o, c, ldc, from_zero);
  }
}

// One panel [k, 16] of a transposed B: out[k * 16 + j] = w[j * ld + k], columns from `cols` on
// zero.
inline void pack_panel_transposed(const float* w, int64_t ld, int64_t cols, int64_t k, float* out) {
  const hn::FixedTag<float, 4> d4;
  const hn::Repartition<double, decltype(d4)> d2;
  if (cols < kPanel) std::memset(out, 0, static_cast<size_t>(k * kPanel) * sizeof(float));
  int64_t j = 0;
  for (; j + 4 <= cols; j += 4) {
    const float *w0 = w + j * ld, *w1 = w0 + ld, *w2 = w1 + ld, *w3 = w2 + ld;
    int64_t i = 0;
    for (; i + 4 <= k; i += 4) {
      // The rows of the next four columns: too short for the hardware to see them coming.
      if (i % 16 == 0) {
        for (int64_t e = 4; e < 8; ++e) __builtin_prefetch(w0 + e * ld + i);
      }
      const auto r0 = hn::LoadU(d4, w0 + i), r1 = hn::LoadU(d4, w1 + i);
      const auto r2 = hn::LoadU(d4, w2 + i), r3 = hn::LoadU(d4, w3 + i);
      const auto lo01 = hn::BitCast(d2, hn::InterleaveLower(d4, r0, r1));
      const auto lo23 = hn::BitCast(d2, hn::InterleaveLower(d4, r2, r3));
      const auto hi01 = hn::BitCast(d2, hn::InterleaveUpper(d4, r0, r1));
      const auto hi23 = hn::BitCast(d2, hn::InterleaveUpper(d4, r2, r3));
      float* o = out + i * kPanel + j;
      hn::StoreU(hn::BitCast(d4, hn::InterleaveLower(d2, lo01, lo23)), d4, o);
      hn::StoreU(hn::BitCast(d4, hn::InterleaveUpper(d2, lo01, lo23)), d4, o + kPanel);
      hn::StoreU(hn::BitCast(d4, hn::InterleaveLower(d2, hi01, hi23)), d4, o + 2 * kPanel);
      hn::StoreU(hn::BitCast(d4, hn::InterleaveUpper(d2, hi01, hi23)), d4, o + 3 * kPanel);
    }
    for (; i < k; ++i) {
      float* o = out + i * kPanel + j;
      o[0] = w0[i], o[1] = w1[i], o[2] = w2[i], o[3] = w3[i];
    }
  }
  for (; j < cols; ++j) {
    for (int64_t i = 0; i < k; ++i) out[i * kPanel + j] = w[j * ld + i];
  }
}

// Row-major B [k, cols] -> panels [k, 16]. A few rows of B at a time: they are read in order and
// the panels' write streams do not evict each other.
inline void pack_rows(const float* b, int64_t ld, int64_t cols, int64_t k, float* out) {
  constexpr int64_t kRows = 8;
  const Lanes d;
  for (int64_t i0 = 0; i0 < k; i0 += kRows) {
    const int64_t i1 = i0 + kRows < k ? i0 + kRows : k;
    for (int64_t j = 0; j < cols; j += kPanel) {
      float* panel = out + j * k;
      for (int64_t i = i0; i < i1; ++i) {
        const float* from = b + i * ld + j;
        float* to = panel + i * kPanel;
        if (cols - j >= kPanel) {
#pragma GCC unroll 2
          for (int v = 0; v < kVecs; ++v) {
            hn::StoreU(hn::LoadU(d, from + v * kLanes), d, to + v * kLanes);
          }
        } else {
          for (int64_t e = 0; e < kPanel; ++e) to[e] = e < cols - j ? from[e] : 0.0f;
        }
      }
    }
  }
}

// Rows [0, R) of A^T's columns k_begin … k_end into the tile's order [k, R].
template <int R>
HWY_INLINE void pack_a_tile(const float* a, int64_t col_stride, int64_t k_begin, int64_t k_end,
                            float* out) {
  for (int64_t k = k_begin; k < k_end; ++k) {
    std::memcpy(out + k * R, a + k * col_stride, R * sizeof(float));
  }
}

// A block of `rows` rows whose columns are contiguous, cut into `tiles` tiles [k, height], one
// after the other. As in pack_rows, a few columns at a time.
inline void pack_a_columns(const float* a, int64_t col_stride, int64_t rows, int64_t tiles,
                           int64_t k, float* out) {
  constexpr int64_t kColumns = 8;
  for (int64_t k0 = 0; k0 < k; k0 += kColumns) {
    const int64_t k1 = k0 + kColumns < k ? k0 + kColumns : k;
    for (int64_t i = 0; i < tiles; ++i) {
      const int64_t r = part_begin(rows, tiles, i);
      const float* from = a + r;
      float* to = out + r * k;
      switch (part_begin(rows, tiles, i + 1) - r) {
        case 1:
          pack_a_tile<1>(from, col_stride, k0, k1, to);
          break;
        case 2:
          pack_a_tile<2>(from, col_stride, k0, k1, to);
          break;
        case 3:
          pack_a_tile<3>(from, col_stride, k0, k1, to);
          break;
        case 4:
          pack_a_tile<4>(from, col_stride, k0, k1, to);
          break;
        case 5:
          pack_a_tile<5>(from, col_stride, k0, k1, to);
          break;
        default:
          pack_a_tile<6>(from, col_stride, k0, k1, to);
      }
    }
  }
}

// The same for any strides: rows of k, one after the other.
inline void pack_a_rows(const float* a, int64_t row_stride, int64_t col_stride, int64_t rows,
                        int64_t k, float* out) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* from = a + r * row_stride;
    if (col_stride == 1) {
      std::memcpy(out + r * k, from, static_cast<size_t>(k) * sizeof(float));
    } else {
      for (int64_t i = 0; i < k; ++i) out[r * k + i] = from[i * col_stride];
    }
  }
}

inline void pack_panels(const float* w, int64_t n, int64_t k, float* packed) {
  for (int64_t j = 0; j < n; j += kPanel) {
    pack_panel_transposed(w + j * k, k, n - j < kPanel ? n - j : kPanel, k, packed + j * k);
  }
}

}  // namespace amalgam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
