// Which sequences are computed together. Pure functions of their arguments; which bits a token gets
// never depends on them, but the order in which gradients are summed does, so they are fixed.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "model/network/network.h"

namespace amalgam::learner {

enum class PackOrder {
  kKeep,  // consecutive sequences stay together; a batch closes when the next is too long
  kFirstFitDecreasing  // longest first into the first batch with room; equal lengths keep their
                       // order
};

// Indices of `lengths` in micro-batches of at most max_tokens tokens each, every index once. A
// sequence longer than max_tokens is a batch of its own. Inside a batch indices ascend.
std::vector<std::vector<int64_t>> pack_micro_batches(std::span<const int64_t> lengths,
                                                     int64_t max_tokens, PackOrder order);

// Sequences one after the other, as Network::run() takes them.
struct PackedRows {
  std::vector<int32_t> ids;                  // [T]
  std::vector<model::SequenceSlice> slices;  // per sequence

  int64_t tokens() const { return static_cast<int64_t>(ids.size()); }
  void add(std::span<const int32_t> sequence) {
    slices.push_back({tokens(), static_cast<int64_t>(sequence.size()), nullptr});
    ids.insert(ids.end(), sequence.begin(), sequence.end());
  }
};

// A permutation of 0 … n-1 (Fisher–Yates), a function of (seed, stream, epoch) alone.
std::vector<int64_t> shuffled(int64_t n, uint64_t seed, uint64_t stream, uint64_t epoch);

}  // namespace amalgam::learner
