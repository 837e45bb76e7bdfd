// Tensor: a view of f32 memory with its shape. Owns nothing; valid as long as what it points into.
#pragma once
#include <cstdint>

namespace amalgam::kernels {

struct Tensor {
  float* data = nullptr;
  int64_t rows = 0;
  int64_t cols = 1;
  int rank = 1;  // 1: [rows], 2: [rows, cols], row-major and contiguous

  int64_t size() const { return rows * cols; }
  float* row(int64_t r) const { return data + r * cols; }
};

inline Tensor vector_shape(int64_t n) { return {nullptr, n, 1, 1}; }
inline Tensor matrix_shape(int64_t rows, int64_t cols) { return {nullptr, rows, cols, 2}; }

struct IntTensor {
  int32_t* data = nullptr;
  int64_t rows = 0, cols = 1;

  int64_t size() const { return rows * cols; }
  int32_t* row(int64_t r) const { return data + r * cols; }
};

}  // namespace amalgam::kernels
