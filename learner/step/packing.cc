#include "learner/step/packing.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "kernels/device/rng.h"

namespace amalgam::learner {

std::vector<std::vector<int64_t>> pack_micro_batches(std::span<const int64_t> lengths,
                                                     int64_t max_tokens, PackOrder order) {
  const auto length = [&](int64_t i) { return lengths[static_cast<size_t>(i)]; };
  std::vector<int64_t> sequence(lengths.size());
  std::iota(sequence.begin(), sequence.end(), int64_t{0});
  if (order == PackOrder::kFirstFitDecreasing)
    std::stable_sort(sequence.begin(), sequence.end(),
                     [&](int64_t a, int64_t b) { return length(a) > length(b); });
  std::vector<std::vector<int64_t>> batches;
  std::vector<int64_t> used;  // tokens of each batch
  for (int64_t i : sequence) {
    // With kKeep only the last batch is open.
    size_t b = order == PackOrder::kKeep && !batches.empty() ? batches.size() - 1 : 0;
    while (b < batches.size() && used[b] + length(i) > max_tokens) ++b;
    if (b == batches.size()) batches.emplace_back(), used.push_back(0);
    batches[b].push_back(i);
    used[b] += length(i);
  }
  for (auto& batch : batches) std::sort(batch.begin(), batch.end());
  return batches;
}

std::vector<int64_t> shuffled(int64_t n, uint64_t seed, uint64_t stream, uint64_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  const kernels::RngKey key{.seed = seed, .stream = stream, .request = epoch};
  for (int64_t i = n - 1; i > 0; --i) {
    const auto j =
        kernels::uniform_int(key, static_cast<uint64_t>(i), static_cast<uint64_t>(i) + 1);
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(j)]);
  }
  return order;
}

}  // namespace amalgam::learner
