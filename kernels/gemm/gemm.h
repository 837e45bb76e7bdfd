// C[m, n] (+)= Σ_k A[m, k] · B[k, n]                                       all f32
//
// Bits: every output element is one chain of fused multiply-adds over k = 0 … K-1 in ascending
// order, starting from 0 (or from C[m, n] when accumulating). Lanes run across outputs, never along
// k. So an element's bits depend only on its row of A and its column of B: not on M, N, the layout
// of B, blocking, threads or instruction set.
//
// Mistakes it invites: splitting k over lanes or threads (GemmTest.RowBitsDoNotDependOnM), starting
// an accumulation in registers and adding C last (GemmTest.AccumulateContinuesTheChain), reading
// past a ragged edge (GemmTest.Edges, ASan).
#pragma once
#include <cstdint>
#include <span>

#include "kernels/device/cuda.h"
#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

inline constexpr int64_t kPanel = 16;  // outputs per packed panel, on every instruction set

enum class BLayout {
  kRowMajor,    // B[k, n] at data[k * ld + n]
  kTransposed,  // B[k, n] at data[n * ld + k]: a weight [out, in] as stored, N = out, K = in
  kPacked       // B[k, n] at data[((n / 16) * K + k) * 16 + n % 16], zero-padded (pack_transposed)
};
enum class Write { kStore, kAccumulate };

struct Gemm {
  int64_t m = 0, n = 0, k = 0;
  const float* a = nullptr;
  int64_t a_row_stride = 0, a_col_stride = 1;  // A[m, k] at a[m * a_row_stride + k * a_col_stride]
  const float* b = nullptr;
  BLayout layout = BLayout::kRowMajor;
  int64_t ldb = 0;  // unused when packed
  float* c = nullptr;
  int64_t ldc = 0;
  Write write = Write::kStore;
};

// Floats that the packed form of a [n, k] weight takes.
inline int64_t packed_size(int64_t n, int64_t k) { return (n + kPanel - 1) / kPanel * kPanel * k; }
// w [n, k] row-major (a weight [out, in]) -> packed panels for BLayout::kPacked.
void pack_transposed(const float* w, int64_t n, int64_t k, float* packed);

// Runs the problems as one parallel region. Their outputs must not overlap. Zero sizes are allowed:
// k == 0 stores zeros (or leaves C when accumulating).
void gemm(ThreadPool& pool, std::span<const Gemm> problems);
inline void gemm(ThreadPool& pool, const Gemm& problem) {
  gemm(pool, std::span<const Gemm>(&problem, 1));
}

// The same on a GPU, all pointers device memory; only where kHasCuda. The same chain per output, so
// the same bits. Asynchronous: errors surface at the stream's next synchronisation.
void gemm_cuda(std::span<const Gemm> problems, CudaStream stream);

}  // namespace amalgam::kernels
