// Characters that a byte-pair encoding may start from instead of their bytes, with equal result.
//
// Merging goes by rising rank when every merge has a higher rank than those that make its two
// symbols. Then a character's bytes become one symbol whatever stands beside it, if
//   - alone they become one symbol, and
//   - until then, no merge of lower rank than its next one joins its first symbol to something
//     before it, or its last symbol to something behind it.
// No merge with the whole character comes before it is whole, so it may as well be from the start.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "model/tokenizer/merge_table.h"

namespace amalgam::model {

constexpr char32_t kNumWholeCharacters = 0x10000;  // of UTF-8's one to three bytes

// [kNumWholeCharacters] by code point: the id, or -1. The table holds the same merges.
std::vector<int32_t> whole_characters(const std::array<int32_t, 256>& byte_ids,
                                      const std::vector<Merge>& merges, const MergeTable& table);

}  // namespace amalgam::model
