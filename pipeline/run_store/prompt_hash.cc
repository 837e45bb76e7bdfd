#include "pipeline/run_store/prompt_hash.h"

#include <bit>

#include "sandbox/files/sha256.h"

namespace amalgam::pipeline {

std::string prompt_hash(std::span<const int32_t> ids) {
  static_assert(std::endian::native == std::endian::little);
  return sandbox::sha256_hex({reinterpret_cast<const char*>(ids.data()), ids.size_bytes()});
}

}  // namespace amalgam::pipeline
