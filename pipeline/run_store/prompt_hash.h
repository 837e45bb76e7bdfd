// The identity of a prompt across stages and runs.
#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace amalgam::pipeline {

// SHA-256, in lower-case hex, of the token ids, each as a little-endian int32, nothing between.
std::string prompt_hash(std::span<const int32_t> ids);

}  // namespace amalgam::pipeline
