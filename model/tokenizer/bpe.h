// Byte-pair encoding of one word: start from its bytes, and while a merge applies take the one of
// lowest rank, the leftmost of equals.
//
// Const use is thread-safe.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/tokenizer/merge_table.h"

namespace amalgam::model {

class Bpe {
 public:
  static constexpr size_t kMostMerges = size_t{1} << 25;
  // byte_ids[b] is the id of the one-byte token b, all different; merges in rank order, fewer than
  // kMostMerges; ids are >= 0.
  Bpe(const std::array<int32_t, 256>& byte_ids, const std::vector<Merge>& merges);

  // Appends the ids of `word`, which is valid UTF-8 throughout or holds no valid character at all.
  void encode(std::string_view word, std::vector<int32_t>& out) const;

 private:
  size_t start(std::string_view word, int32_t* ids) const;
  void encode_short(std::string_view word, std::vector<int32_t>& out) const;
  void encode_long(std::string_view word, std::vector<int32_t>& out) const;

  MergeTable merges_;
  std::array<int32_t, 256> byte_ids_;
  std::vector<int32_t> whole_characters_;
};

}  // namespace amalgam::model
