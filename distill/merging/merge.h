// Merges models by their weights alone, streamed: anonymous memory is at most 200 MB and 64 MB a
// model, whatever the sizes of the tensors.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "distill/merging/merge_spec.h"
#include "kernels/device/thread_pool.h"

namespace amalgam::distill {

struct MergeOptions {
  int64_t max_shard_bytes = 4'000'000'000;  // of the result's files: above it several and an index
  // Called with the directory under construction, to add a tokenizer's files.
  std::function<void(const std::string& directory)> add_files = {};
  // Called with the elements worked on so far, over all passes, and their total.
  std::function<void(int64_t done, int64_t total)> progress = {};
};

struct MergeReport {
  int64_t num_tensors = 0, num_weights = 0;
  int64_t bytes_read = 0;  // of tensors, each counted once
  int64_t bytes_written = 0;
  std::vector<int64_t> kept = {};  // [models] elements of each delta that were not dropped
};

// Writes the merged model to spec.out, which must not exist (or be an empty directory) and appears
// when it is complete: it is made in OUT.tmp, where what a killed merge left is removed.
// config.json is the base's. Sums are in f64 and rounded once, to the base's type of each tensor;
// FP8 and FP4 get new scales. Same input, same bytes, for any pool.
//
// Throws Error with one line before the first byte is written for parameters that the method does
// not use or cannot take, tokenizers that differ, tensors that are missing, unknown or of another
// shape, and integer tensors that are not equal in all; later for a number that is not finite, or
// too large for the base's type.
MergeReport merge_models(const MergeSpec& spec, kernels::ThreadPool& pool,
                         const MergeOptions& options = {});

}  // namespace amalgam::distill
