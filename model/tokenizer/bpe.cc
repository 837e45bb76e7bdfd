#include "model/tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <queue>

#include "configs/check.h"
#include "configs/utf8.h"
#include "model/tokenizer/whole_characters.h"

namespace amalgam::model {
namespace {

constexpr size_t kShortWord = 128;  // bytes; above it the quadratic search loses to a heap
// A merge and where it applies, in the order in which merges are done: rank, then position.
using Place = uint32_t;
constexpr int kIndexBits = std::bit_width(kShortWord - 1);
static_assert(Bpe::kMostMerges == size_t{1} << (32 - kIndexBits));
constexpr Place kNoPlace = ~Place{0};
using Block = Place __attribute__((vector_size(32)));
constexpr size_t kBlock = sizeof(Block) / sizeof(Place);

Place smallest(const Block* places, size_t num_blocks) {
  Block least = places[0];
  for (size_t i = 1; i < num_blocks; ++i) least = places[i] < least ? places[i] : least;
  Place result = kNoPlace;
  for (size_t i = 0; i < kBlock; ++i) result = std::min(result, least[i]);
  return result;
}

}  // namespace

Bpe::Bpe(const std::array<int32_t, 256>& byte_ids, const std::vector<Merge>& merges)
    : merges_(merges),
      byte_ids_(byte_ids),
      whole_characters_(whole_characters(byte_ids, merges, merges_)) {
  CHECK_LT(merges.size(), kMostMerges);
}

void Bpe::encode(std::string_view word, std::vector<int32_t>& out) const {
  if (word.empty()) return;
  if (word.size() <= kShortWord) {
    encode_short(word, out);
  } else {
    encode_long(word, out);
  }
}

// Writes the symbols that merging starts from, at most one a byte; returns their number.
size_t Bpe::start(std::string_view word, int32_t* ids) const {
  size_t size = 0;
  for (size_t at = 0; at < word.size();) {
    const Utf8Step step = decode_utf8(word.substr(at));
    const int32_t whole = step.valid && step.code_point < kNumWholeCharacters
                              ? whole_characters_[step.code_point]
                              : -1;
    if (whole >= 0) {
      ids[size++] = whole;
      at += step.length;
    } else {
      for (const size_t end = at + step.length; at < end; ++at)
        ids[size++] = byte_ids_[static_cast<unsigned char>(word[at])];
    }
  }
  return size;
}

// A list of symbols, each with its merge with its right neighbour.
void Bpe::encode_short(std::string_view word, std::vector<int32_t>& out) const {
  int32_t ids[kShortWord], results[kShortWord];
  Block blocks[kShortWord / kBlock];
  Place* places = reinterpret_cast<Place*>(blocks);
  uint8_t next[kShortWord], previous[kShortWord + 1];
  static_assert(kShortWord % kBlock == 0 && kShortWord < 256);
  const size_t size = start(word, ids);
  const size_t num_blocks = (size + kBlock - 1) / kBlock;
  const auto set = [&](size_t left, size_t right) {
    const MergeTable::Found merge =
        right < size ? merges_.find(ids[left], ids[right]) : MergeTable::Found{};
    results[left] = merge.result;
    places[left] = merge.rank == MergeTable::kNoMerge
                       ? kNoPlace
                       : (merge.rank << kIndexBits) | static_cast<Place>(left);
  };
  for (size_t i = 0; i < size; ++i) {
    set(i, i + 1);
    next[i] = static_cast<uint8_t>(i + 1);
    previous[i + 1] = static_cast<uint8_t>(i);
  }
  std::fill(places + size, places + num_blocks * kBlock, kNoPlace);
  for (;;) {
    const Place place = smallest(blocks, num_blocks);
    if (place == kNoPlace) break;
    const size_t at = place % kShortWord, gone = next[at], right = next[gone];
    ids[at] = results[at];
    places[gone] = kNoPlace;
    next[at] = static_cast<uint8_t>(right);
    previous[right] = static_cast<uint8_t>(at);
    set(at, right);
    if (at > 0) set(previous[at], at);
  }
  for (size_t i = 0; i < size; i = next[i]) out.push_back(ids[i]);
}

// O(n log n): a linked list of symbols and a heap of candidate merges. A candidate is stale when
// one of its symbols has changed since; then the pair at its place has another merge or none.
void Bpe::encode_long(std::string_view word, std::vector<int32_t>& out) const {
  struct Symbol {
    int32_t id;
    int64_t previous, next;  // -1 = none; next = -2: merged into its left neighbour
  };
  struct Candidate {
    uint32_t rank;
    int64_t at;
    int32_t left, right, result;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  std::vector<int32_t> ids(word.size());
  const auto size = static_cast<int64_t>(start(word, ids.data()));
  std::vector<Symbol> symbols(static_cast<size_t>(size));
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto symbol = [&](int64_t i) -> Symbol& { return symbols[static_cast<size_t>(i)]; };
  const auto push = [&](int64_t left) {
    if (left < 0 || symbol(left).next < 0) return;
    const int32_t a = symbol(left).id, b = symbol(symbol(left).next).id;
    const MergeTable::Found merge = merges_.find(a, b);
    if (merge.rank != MergeTable::kNoMerge) queue.push({merge.rank, left, a, b, merge.result});
  };
  for (int64_t i = 0; i < size; ++i) {
    symbol(i) = {ids[static_cast<size_t>(i)], i - 1, i + 1 < size ? i + 1 : -1};
  }
  for (int64_t i = 0; i < size; ++i) push(i);
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    Symbol& left = symbol(top.at);
    if (left.next < 0 || left.id != top.left || symbol(left.next).id != top.right) continue;
    Symbol& right = symbol(left.next);
    left.id = top.result;
    left.next = right.next;
    right.next = -2;
    if (left.next >= 0) symbol(left.next).previous = top.at;
    push(top.at);
    push(left.previous);
  }
  for (int64_t i = 0; i >= 0; i = symbol(i).next) out.push_back(symbol(i).id);
}

}  // namespace amalgam::model
