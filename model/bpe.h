// Byte-pair encoding of one word: start from its bytes, and while a merge applies take the one of
// lowest rank, the leftmost of equals.
//
// Const use is thread-safe.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace amalgam::model {

class Bpe {
 public:
  struct Merge {
    int32_t left, right, result;  // ids
  };
  // byte_ids[b] is the id of the one-byte token b; merges in rank order (of a repeated pair the
  // last one counts, as in the tokenizers library).
  Bpe(const std::array<int32_t, 256>& byte_ids, const std::vector<Merge>& merges);

  // Appends the ids of `word`.
  void encode(std::string_view word, std::vector<int32_t>& out) const;

 private:
  struct Slot {
    uint64_t pair = kEmpty;
    uint32_t rank = 0;
    int32_t result = 0;
  };
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  static constexpr uint32_t kNoMerge = ~uint32_t{0};

  static uint64_t key(int32_t left, int32_t right) {
    return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) |
           static_cast<uint32_t>(right);
  }
  const Slot* find(int32_t left, int32_t right) const;  // nullptr when the pair has no merge
  void encode_short(std::string_view word, std::vector<int32_t>& out) const;
  void encode_long(std::string_view word, std::vector<int32_t>& out) const;

  std::array<int32_t, 256> byte_ids_;
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
  uint64_t mask_ = 0;
  int shift_ = 0;
};

}  // namespace amalgam::model
