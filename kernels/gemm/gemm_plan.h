// How a list of matrix products is cut into tasks and blocks: pure arithmetic, no effect on bits.
#pragma once
#include <cstdint>

#include "kernels/gemm/gemm.h"

namespace amalgam::kernels {

inline constexpr int64_t kTileRows = 6;  // rows of a register tile
inline constexpr int64_t kBlockK = 320;  // a panel's K block (20 KB) stays in L1
inline constexpr int64_t kBlockM = 144;  // rows of A that stay in L2 while panels pass
inline constexpr int64_t kBlockN = 512;  // columns of B packed at a time
// Rows of A this far apart fall into few cache sets: with many outputs, copying them together pays.
inline constexpr int64_t kCopyRowStride = 1024, kCopyRowsN = 128;
inline constexpr int64_t kDirectRows = 12;  // up to here a row-major B is read in place
// Below this many multiply-adds in all, waking threads costs more than it gains.
inline constexpr int64_t kInlineWork = 50'000;
inline constexpr int64_t kTaskWork = 200'000;  // smallest task worth handing out

// Begin of part i of n units cut into `parts`, as evenly as units allow.
inline int64_t part_begin(int64_t units, int64_t parts, int64_t i) { return units * i / parts; }

// A rectangle of outputs of one problem.
struct GemmTask {
  int64_t problem, m_begin, m_end, n_begin, n_end;
};

struct GemmGrid {
  int64_t m_tasks = 1, n_tasks = 1;
};

// Cuts a problem into about `tasks` rectangles so that little is packed (or read) twice: each row
// of tasks packs its part of B again, each column its part of A.
inline GemmGrid gemm_grid(const Gemm& g, int64_t tasks) {
  const int64_t max_m = g.m < 4 * kTileRows ? 1 : g.m / (2 * kTileRows);
  const int64_t max_n = (g.n + kPanel - 1) / kPanel;
  const double pack_a = g.a_col_stride == 1 ? 0.25 : 1.0;
  const double pack_b = g.layout == BLayout::kPacked ? 0.25 : 1.0;
  GemmGrid best;
  double best_cost = -1;
  for (int64_t m_tasks = 1; m_tasks <= tasks && m_tasks <= max_m; ++m_tasks) {
    int64_t n_tasks = (tasks + m_tasks - 1) / m_tasks;
    if (n_tasks > max_n) n_tasks = max_n;
    const double missing = static_cast<double>(tasks) / static_cast<double>(m_tasks * n_tasks);
    const double cost = (pack_b * static_cast<double>(m_tasks * g.n) +
                         pack_a * static_cast<double>(n_tasks * g.m)) *
                        (missing > 1 ? missing : 1);
    if (best_cost < 0 || cost < best_cost) best_cost = cost, best = {m_tasks, n_tasks};
  }
  return best;
}

}  // namespace amalgam::kernels
