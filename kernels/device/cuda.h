// What CUDA builds add. Ops keep one header; their CUDA twin is <op>.cu, compiled when the build
// has a CUDA compiler. Call sites ask `if constexpr (kHasCuda)` and link either way.
#pragma once

namespace amalgam::kernels {

#ifdef AMALGAM_HAS_CUDA
inline constexpr bool kHasCuda = true;
#else
inline constexpr bool kHasCuda = false;
#endif

// A cudaStream_t, named here so that headers need no CUDA.
using CudaStream = struct CUstream_st*;

}  // namespace amalgam::kernels
