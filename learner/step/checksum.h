// A 64-bit checksum of large memory, at the speed at which memory is read.
//
// FNV-1a's step on 8-byte words and a rotation (a multiplication alone never moves high bits, such
// as signs, down), in eight chains side by side (one alone waits for its multiplication), over
// pieces of 1 MiB; then FNV-1a of the pieces' values. A step is a bijection of the chain's value,
// so one changed word always changes the result, and random damage goes unseen once in 2^64. Not
// for adversaries.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/device/thread_pool.h"

namespace amalgam::learner {

// `bytes`: a multiple of 64. The same for any number of threads.
uint64_t checksum(kernels::ThreadPool& pool, const std::byte* data, size_t bytes);

}  // namespace amalgam::learner
