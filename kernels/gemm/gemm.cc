#include "kernels/gemm/gemm.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "configs/check.h"
#include "kernels/device/arena.h"
#include "kernels/gemm/gemm_plan.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/gemm.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "kernels/gemm/gemm_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace amalgam::kernels::HWY_NAMESPACE {

// Rows of A × panels of B, with B's and A's K block at hand.
void run_block(const Gemm& g, const GemmTask& t, int64_t k_begin, int64_t k_size, int64_t n_begin,
               int64_t n_end, const float* b, int64_t b_k, int64_t b_panel, float* a_scratch) {
  const bool from_zero = k_begin == 0 && g.write == Write::kStore;
  enum class A { kDirect, kColumns, kRows };
  const A a_form =
      g.a_row_stride == 1 && g.a_col_stride != 1 ? A::kColumns
      : g.a_col_stride == 1 && (g.a_row_stride < kCopyRowStride || n_end - n_begin < kCopyRowsN)
          ? A::kDirect
          : A::kRows;
  for (int64_t m_begin = t.m_begin; m_begin < t.m_end; m_begin += kBlockM) {
    const int64_t rows = std::min(kBlockM, t.m_end - m_begin);
    const int64_t tiles = (rows + kTileRows - 1) / kTileRows;  // of nearly equal height
    const float* a = g.a + m_begin * g.a_row_stride + k_begin * g.a_col_stride;
    if (a_form == A::kColumns) {
      pack_a_columns(a, g.a_col_stride, rows, tiles, k_size, a_scratch);
    } else if (a_form == A::kRows) {
      pack_a_rows(a, g.a_row_stride, g.a_col_stride, rows, k_size, a_scratch);
    }
    const int64_t full = n_begin + (n_end - n_begin) / kPanel * kPanel;
    const int64_t width = panels_per_tile(static_cast<int>((rows + tiles - 1) / tiles)) * kPanel;
    for (int64_t n = n_begin; n < n_end;) {
      const int64_t cols = n < full ? std::min(width, full - n) : n_end - n;
      for (int64_t i = 0; i < tiles; ++i) {
        const int64_t r = part_begin(rows, tiles, i);
        const int height = static_cast<int>(part_begin(rows, tiles, i + 1) - r);
        Operands o{.a = a + r * g.a_row_stride,
                   .a_row = g.a_row_stride,
                   .a_col = 1,
                   .b = b + (n - n_begin) / kPanel * b_panel,
                   .b_k = b_k,
                   .b_panel = b_panel,
                   .k = k_size,
                   .fetch_b = i == 0 && g.layout == BLayout::kPacked};
        if (a_form == A::kColumns) o.a = a_scratch + r * k_size, o.a_row = 1, o.a_col = height;
        if (a_form == A::kRows) o.a = a_scratch + r * k_size, o.a_row = k_size;
        float* c = g.c + (m_begin + r) * g.ldc + n;
        if (n < full) {
          tile_any(height, static_cast<int>(cols / kPanel), o, c, g.ldc, from_zero);
          continue;
        }
        // A ragged last panel is computed beside C: nothing outside C is read or written.
        HWY_ALIGN float edge[kTileRows * kPanel] = {};
        const size_t bytes = static_cast<size_t>(cols) * sizeof(float);
        if (!from_zero) {
          for (int e = 0; e < height; ++e) std::memcpy(edge + e * kPanel, c + e * g.ldc, bytes);
        }
        tile_any(height, 1, o, edge, kPanel, from_zero);
        for (int e = 0; e < height; ++e) std::memcpy(c + e * g.ldc, edge + e * kPanel, bytes);
      }
      n += cols;
    }
  }
}

void run_task(const Gemm& g, const GemmTask& t, float* a_scratch, float* b_scratch) {
  const int64_t rows = t.m_end - t.m_begin;
  if (g.layout == BLayout::kPacked) {
    const int64_t block = rows <= kTileRows && g.a_col_stride == 1 ? g.k : kBlockK;
    for (int64_t k = 0; k < g.k; k += block) {
      run_block(g, t, k, std::min(block, g.k - k), t.n_begin, t.n_end,
                g.b + t.n_begin * g.k + k * kPanel, kPanel, g.k * kPanel, a_scratch);
    }
    return;
  }
  const bool direct = g.layout == BLayout::kRowMajor && rows <= kDirectRows;
  for (int64_t n = t.n_begin; n < t.n_end; n += kBlockN) {
    const int64_t n_end = std::min(n + kBlockN, t.n_end);
    const int64_t n_direct = direct ? n + (n_end - n) / kPanel * kPanel : n;
    for (int64_t k = 0; k < g.k; k += kBlockK) {
      const int64_t k_size = std::min(kBlockK, g.k - k);
      if (n < n_direct) {
        run_block(g, t, k, k_size, n, n_direct, g.b + k * g.ldb + n, g.ldb, kPanel, a_scratch);
      }
      if (n_direct == n_end) continue;
      if (g.layout == BLayout::kRowMajor) {
        pack_rows(g.b + k * g.ldb + n_direct, g.ldb, n_end - n_direct, k_size, b_scratch);
      } else {
        for (int64_t j = n_direct; j < n_end; j += kPanel) {
          pack_panel_transposed(g.b + j * g.ldb + k, g.ldb, std::min(kPanel, n_end - j), k_size,
                                b_scratch + (j - n_direct) * k_size);
        }
      }
      run_block(g, t, k, k_size, n_direct, n_end, b_scratch, kPanel, k_size * kPanel, a_scratch);
    }
  }
}

}  // namespace amalgam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amalgam::kernels {
namespace {

HWY_EXPORT(run_task);
HWY_EXPORT(pack_panels);

void zero_outputs(const Gemm& g) {
  if (g.write == Write::kAccumulate) return;
  for (int64_t m = 0; m < g.m; ++m) std::fill_n(g.c + m * g.ldc, g.n, 0.0f);
}

void append_tasks(const Gemm& g, int64_t problem, int64_t wanted, std::vector<GemmTask>* tasks) {
  const GemmGrid grid = gemm_grid(g, wanted);
  const int64_t panels = (g.n + kPanel - 1) / kPanel;
  for (int64_t m = 0; m < grid.m_tasks; ++m) {
    for (int64_t n = 0; n < grid.n_tasks; ++n) {
      tasks->push_back({problem, part_begin(g.m, grid.m_tasks, m),
                        part_begin(g.m, grid.m_tasks, m + 1),
                        part_begin(panels, grid.n_tasks, n) * kPanel,
                        std::min(g.n, part_begin(panels, grid.n_tasks, n + 1) * kPanel)});
    }
  }
}

}  // namespace

void pack_transposed(const float* w, int64_t n, int64_t k, float* packed) {
  if (k > 0) HWY_DYNAMIC_DISPATCH(pack_panels)(w, n, k, packed);
}

void gemm(ThreadPool& pool, std::span<const Gemm> problems) {
  int64_t work = 0;
  for (const Gemm& g : problems) work += g.m * g.n * g.k;
  const bool is_small = work < kInlineWork || pool.num_threads() == 1;
  const int64_t task_work = std::max(kTaskWork, work / (4 * pool.num_threads()));

  static thread_local std::vector<GemmTask> tasks;
  tasks.clear();
  for (size_t i = 0; i < problems.size(); ++i) {
    const Gemm& g = problems[i];
    if (g.m == 0 || g.n == 0) continue;
    if (g.k == 0) {
      zero_outputs(g);
      continue;
    }
    const int64_t wanted = is_small ? 1 : (g.m * g.n * g.k + task_work - 1) / task_work;
    append_tasks(g, static_cast<int64_t>(i), wanted, &tasks);
  }
  const GemmTask* first = tasks.data();
  const auto run_one = [&](int64_t i) {
    static thread_local Buffer<float> a_scratch(kBlockM * kBlockK), b_scratch(kBlockN * kBlockK);
    const Gemm& g = problems[static_cast<size_t>(first[i].problem)];
    HWY_DYNAMIC_DISPATCH(run_task)(g, first[i], a_scratch.data(), b_scratch.data());
  };
  const int64_t num_tasks = static_cast<int64_t>(tasks.size());
  if (is_small) {
    for (int64_t i = 0; i < num_tasks; ++i) run_one(i);
  } else {
    pool.run(num_tasks, run_one);
  }
}

}  // namespace amalgam::kernels
#endif  // HWY_ONCE
