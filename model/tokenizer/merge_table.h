// The merges of a byte-pair encoding by their pair of symbols.
//
// Const use is thread-safe.
#pragma once
#include <cstdint>
#include <vector>

namespace amalgam::model {

struct Merge {
  int32_t left, right, result;  // ids
  bool operator==(const Merge&) const = default;
};

class MergeTable {
 public:
  static constexpr uint32_t kNoMerge = ~uint32_t{0};
  struct Found {
    uint32_t rank = kNoMerge;
    int32_t result = 0;
  };

  // In rank order; of a repeated pair the last one counts, as in the tokenizers library.
  explicit MergeTable(const std::vector<Merge>& merges);

  Found find(int32_t left, int32_t right) const {
    const uint64_t pair = key(left, right), hash = mix(pair);
    const uint64_t bit = hash >> filter_shift_;
    if ((filter_[bit / 64] >> (bit % 64) & 1) == 0) return {};
    for (uint64_t at = hash >> shift_;; at = (at + 1) & mask_) {
      if (slots_[at].pair == pair) return slots_[at].merge;
      if (slots_[at].pair == kEmpty) return {};
    }
  }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  struct Slot {
    uint64_t pair = kEmpty;
    Found merge;
  };
  static uint64_t key(int32_t left, int32_t right) {
    return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) |
           static_cast<uint32_t>(right);
  }
  static uint64_t mix(uint64_t pair) { return pair * 0x9E3779B97F4A7C15u; }

  // Most pairs that are looked up have no merge. The filter, small enough to stay in a near cache,
  // says so: a bit of it that is clear.
  std::vector<uint64_t> filter_;
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
  uint64_t mask_ = 0;
  int shift_ = 0, filter_shift_ = 0;
};

}  // namespace amalgam::model
