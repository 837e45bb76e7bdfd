// Ids of the words already met while encoding one text: most words of a text are repeats.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace amalgam::model {

class WordCache {
 public:
  // Appends the ids of `word` to `out`, calling encode(word, out) if it is new. `word` must outlive
  // the cache.
  template <class Encode>
  void append(std::string_view word, std::vector<int32_t>& out, const Encode& encode) {
    if (word.size() > kLongestWord) return encode(word, out);
    if (2 * (used_ + 1) > slots_.size()) grow();
    const uint64_t hash = hash_of(word);
    size_t at = hash & (slots_.size() - 1);
    for (; slots_[at].size != 0; at = (at + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots_[at];
      if (slot.hash == hash && std::string_view(slot.data, slot.size) == word) {
        const size_t old = out.size();
        out.resize(old + slot.count);
        for (size_t i = 0; i < slot.count; ++i) out[old + i] = ids_[slot.first + i];
        return;
      }
    }
    const size_t begin = out.size();
    encode(word, out);
    if (used_ == kMostWords) return;
    slots_[at] = {word.data(), hash, static_cast<uint32_t>(ids_.size()),
                  static_cast<uint16_t>(word.size()), static_cast<uint16_t>(out.size() - begin)};
    ids_.insert(ids_.end(), out.begin() + static_cast<std::ptrdiff_t>(begin), out.end());
    ++used_;
  }

 private:
  struct Slot {
    const char* data = nullptr;
    uint64_t hash = 0;
    uint32_t first = 0;  // in ids_
    uint16_t size = 0;   // of the word; 0 = free slot
    uint16_t count = 0;
  };
  static constexpr size_t kLongestWord = 256;  // longer ones hardly repeat
  static constexpr size_t kMostWords = size_t{1} << 18;

  static uint64_t hash_of(std::string_view word);
  void grow();

  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
  std::vector<int32_t> ids_;
  size_t used_ = 0;
};

}  // namespace amalgam::model
