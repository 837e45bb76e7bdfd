#include "model/tokenizer/word_cache.h"

#include <algorithm>
#include <cstring>

namespace amalgam::model {

uint64_t WordCache::hash_of(std::string_view word) {
  uint64_t hash = word.size();
  const auto take = [&](uint64_t bits) {
    hash = (hash ^ bits) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  };
  for (; word.size() >= 8; word.remove_prefix(8)) {
    uint64_t eight;
    std::memcpy(&eight, word.data(), 8);
    take(eight);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, word.data(), word.size());
  take(rest);
  return hash;
}

void WordCache::grow() {
  std::vector<Slot> old(std::max<size_t>(128, 2 * slots_.size()));
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.size == 0) continue;
    size_t at = slot.hash & (slots_.size() - 1);
    while (slots_[at].size != 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }
}

}  // namespace amalgam::model
