#include "model/tokenizer/merge_table.h"

#include <algorithm>
#include <bit>

namespace amalgam::model {
namespace {

constexpr size_t kFilterBitsPerSlot = 4;

}  // namespace

MergeTable::MergeTable(const std::vector<Merge>& merges) {
  const size_t size = std::bit_ceil(std::max<size_t>(2 * merges.size() + 2, 16));
  slots_.resize(size);
  mask_ = size - 1;
  shift_ = 64 - std::countr_zero(size);
  filter_.resize(kFilterBitsPerSlot * size / 64);
  filter_shift_ = 64 - std::countr_zero(kFilterBitsPerSlot * size);
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const uint64_t pair = key(merges[rank].left, merges[rank].right);
    uint64_t at = mix(pair) >> shift_;
    while (slots_[at].pair != kEmpty && slots_[at].pair != pair) at = (at + 1) & mask_;
    slots_[at] = {pair, {static_cast<uint32_t>(rank), merges[rank].result}};
    const uint64_t bit = mix(pair) >> filter_shift_;
    filter_[bit / 64] |= uint64_t{1} << (bit % 64);
  }
}

}  // namespace amalgam::model
