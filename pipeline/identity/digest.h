// Digests of what a run reads: BLAKE2b of 256 bits, as hexadecimal digits.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "kernels/device/thread_pool.h"

namespace amalgam::pipeline {

std::string text_digest(std::string_view text);

// Reads with the pool's threads; their number does not matter. A file that has not changed since is
// not read again.
class Digests {
 public:
  explicit Digests(kernels::ThreadPool& pool) : pool_(pool) {}

  // Of a file's bytes. Throws Error when it cannot be read.
  std::string file(const std::string& path);
  // Of what a model directory means: weights, config.json and tokenizer. Throws Error when one
  // cannot be read, or there are no weights.
  std::string model(const std::string& directory);

 private:
  kernels::ThreadPool& pool_;
  std::map<std::string, std::string> known_;  // by path, size and time of change
};

}  // namespace amalgam::pipeline
