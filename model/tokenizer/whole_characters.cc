#include "model/tokenizer/whole_characters.h"

#include <algorithm>
#include <string>

#include "configs/utf8.h"

namespace amalgam::model {
namespace {

constexpr uint32_t kNone = MergeTable::kNoMerge;

struct Symbol {
  uint32_t made = 0;                   // 1 + the highest rank that makes it; 0: a byte
  bool continues = false;              // its first byte is not the first of a character
  uint32_t first_after_it = kNone;     // lowest rank that joins it to a following character
  uint32_t first_in_front_of = kNone;  // lowest rank that joins it to anything before it
};

// By id; nothing when ranks do not rise from symbols to what is made of them.
std::vector<Symbol> symbols_of(const std::array<int32_t, 256>& byte_ids,
                               const std::vector<Merge>& merges) {
  int32_t largest = *std::max_element(byte_ids.begin(), byte_ids.end());
  for (const Merge& m : merges) largest = std::max({largest, m.left, m.right, m.result});
  std::vector<Symbol> symbols(static_cast<size_t>(largest) + 1);
  const auto symbol = [&](int32_t id) -> Symbol& { return symbols[static_cast<size_t>(id)]; };
  for (size_t byte = 0; byte < 256; ++byte)
    symbol(byte_ids[byte]).continues = continues_utf8(static_cast<char>(byte));
  uint32_t rank = 0;
  for (const Merge& m : merges) symbol(m.result).made = ++rank;
  rank = 0;
  for (const Merge& m : merges) {
    Symbol &left = symbol(m.left), &right = symbol(m.right);
    if (left.made > rank || right.made > rank) return {};
    symbol(m.result).continues = left.continues;
    right.first_in_front_of = std::min(right.first_in_front_of, rank);
    if (!right.continues) left.first_after_it = std::min(left.first_after_it, rank);
    ++rank;
  }
  return symbols;
}

}  // namespace

std::vector<int32_t> whole_characters(const std::array<int32_t, 256>& byte_ids,
                                      const std::vector<Merge>& merges, const MergeTable& table) {
  std::vector<int32_t> ids(kNumWholeCharacters, -1);
  const std::vector<Symbol> symbols = symbols_of(byte_ids, merges);
  if (symbols.empty()) return ids;
  std::string bytes;
  std::vector<int32_t> parts;
  for (char32_t c = 0; c < kNumWholeCharacters; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;  // surrogates are no characters
    bytes.clear();
    append_utf8(c, bytes);
    parts.clear();
    for (const char byte : bytes) parts.push_back(byte_ids[static_cast<unsigned char>(byte)]);
    while (parts.size() > 1) {
      MergeTable::Found best;
      size_t at = 0;
      for (size_t i = 0; i + 1 < parts.size(); ++i) {
        const MergeTable::Found merge = table.find(parts[i], parts[i + 1]);
        if (merge.rank < best.rank) best = merge, at = i;
      }
      const uint32_t disturbed =
          std::min(symbols[static_cast<size_t>(parts.front())].first_in_front_of,
                   symbols[static_cast<size_t>(parts.back())].first_after_it);
      if (best.rank == kNone || disturbed < best.rank) break;
      parts[at] = best.result;
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
    if (parts.size() == 1) ids[c] = parts[0];
  }
  return ids;
}

}  // namespace amalgam::model
