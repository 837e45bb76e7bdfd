// Converts a model directory to another precision, tensor by tensor: what is in memory is one
// tensor in its new form and a few rows of f32, not the model.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "kernels/device/thread_pool.h"
#include "kernels/quantize/fp4_to_fp8.h"
#include "model/checkpoint/checkpoint.h"

namespace amalgam::model {

struct ConvertOptions {
  Precision to = Precision::kF32;
  SaveOptions save = {};
  // Called with the weights written so far and their total.
  std::function<void(int64_t done, int64_t total)> progress = {};
};

struct ConvertReport {
  int64_t num_weights = 0, bytes_read = 0, bytes_written = 0;
  // Experts from FP4 to FP8: tiles, and those that are not lossless
  // (kernels/quantize/fp4_to_fp8.h).
  int64_t num_fp4_tiles = 0;
  struct Lossy {
    std::string tensor;
    kernels::RatioTile tile;
  };
  std::vector<Lossy> lossy;
};

// Reads what load_model reads, writes spelling 1 (MODEL.md §7) as save_model does. A tensor that
// is in its new form already keeps its codes and scales; all others go through exact f32 values,
// but for packed experts to FP8, whose scales are kept. Same input, same bytes, for any pool.
// Throws Error for an unreadable model, a number that is not finite, and what the new form cannot
// hold: more than the largest number (BF16), an odd number of columns (FP4).
ConvertReport convert_model(const std::string& from, const std::string& to,
                            kernels::ThreadPool& pool, const ConvertOptions& options);

}  // namespace amalgam::model
