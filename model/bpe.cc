#include "model/bpe.h"

#include <algorithm>
#include <bit>
#include <queue>

namespace amalgam::model {
namespace {

constexpr size_t kShortWord = 48;  // bytes; above it the quadratic search loses to a heap

uint64_t mix(uint64_t key) { return key * 0x9E3779B97F4A7C15u; }

}  // namespace

Bpe::Bpe(const std::array<int32_t, 256>& byte_ids, const std::vector<Merge>& merges)
    : byte_ids_(byte_ids) {
  const size_t size = std::bit_ceil(std::max<size_t>(2 * merges.size() + 2, 16));
  slots_.resize(size);
  mask_ = size - 1;
  shift_ = 64 - std::countr_zero(size);
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const uint64_t pair = key(merges[rank].left, merges[rank].right);
    uint64_t at = mix(pair) >> shift_;
    while (slots_[at].pair != kEmpty && slots_[at].pair != pair) at = (at + 1) & mask_;
    slots_[at] = {pair, static_cast<uint32_t>(rank), merges[rank].result};
  }
}

const Bpe::Slot* Bpe::find(int32_t left, int32_t right) const {
  const uint64_t pair = key(left, right);
  for (uint64_t at = mix(pair) >> shift_;; at = (at + 1) & mask_) {
    if (slots_[at].pair == pair) return &slots_[at];
    if (slots_[at].pair == kEmpty) return nullptr;
  }
}

void Bpe::encode(std::string_view word, std::vector<int32_t>& out) const {
  if (word.size() <= kShortWord) {
    encode_short(word, out);
  } else {
    encode_long(word, out);
  }
}

void Bpe::encode_short(std::string_view word, std::vector<int32_t>& out) const {
  int32_t ids[kShortWord];
  uint32_t ranks[kShortWord];  // of the merge of ids[i] and ids[i + 1]
  int32_t results[kShortWord];
  size_t size = word.size();
  const auto look_up = [&](size_t i) {
    const Slot* slot = i + 1 < size ? find(ids[i], ids[i + 1]) : nullptr;
    ranks[i] = slot ? slot->rank : kNoMerge;
    results[i] = slot ? slot->result : 0;
  };
  for (size_t i = 0; i < size; ++i) ids[i] = byte_ids_[static_cast<unsigned char>(word[i])];
  for (size_t i = 0; i < size; ++i) look_up(i);
  while (size > 1) {
    const size_t best = static_cast<size_t>(std::min_element(ranks, ranks + size) - ranks);
    if (ranks[best] == kNoMerge) break;
    ids[best] = results[best];
    std::copy(ids + best + 2, ids + size, ids + best + 1);
    std::copy(ranks + best + 2, ranks + size, ranks + best + 1);
    std::copy(results + best + 2, results + size, results + best + 1);
    --size;
    look_up(best);
    if (best > 0) look_up(best - 1);
  }
  out.insert(out.end(), ids, ids + size);
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
  const auto size = static_cast<int64_t>(word.size());
  std::vector<Symbol> symbols(word.size());
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto symbol = [&](int64_t i) -> Symbol& { return symbols[static_cast<size_t>(i)]; };
  const auto push = [&](int64_t left) {
    if (left < 0 || symbol(left).next < 0) return;
    const int32_t a = symbol(left).id, b = symbol(symbol(left).next).id;
    if (const Slot* slot = find(a, b)) queue.push({slot->rank, left, a, b, slot->result});
  };
  for (int64_t i = 0; i < size; ++i) {
    symbol(i) = {byte_ids_[static_cast<unsigned char>(word[static_cast<size_t>(i)])], i - 1,
                 i + 1 < size ? i + 1 : -1};
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
