#include "learner/step/expert_choice.h"

#include <algorithm>

#include "configs/check.h"
#include "learner/step/packing.h"

namespace amalgam::learner {

std::vector<std::vector<int32_t>> choose_experts(model::Network& network,
                                                 const model::Weights& weights,
                                                 std::span<const TrainSequence> batch,
                                                 int64_t max_micro_tokens) {
  const int64_t layers = model::num_learned_moe(network.config());
  const int64_t K = network.config().num_experts_per_tok;
  std::vector<int64_t> lengths;
  for (const TrainSequence& s : batch) lengths.push_back(static_cast<int64_t>(s.ids.size()));
  std::vector<std::vector<int32_t>> experts(batch.size());
  for (const auto& members :
       pack_micro_batches(lengths, max_micro_tokens, PackOrder::kFirstFitDecreasing)) {
    PackedRows rows;
    for (const int64_t i : members) rows.add(batch[static_cast<size_t>(i)].ids);
    const int64_t T = rows.tokens();
    std::vector<int32_t> chosen(static_cast<size_t>(layers * T * K));
    network.arena().reset();
    network.run(weights, {.ids = rows.ids, .sequences = rows.slices, .chosen_experts = chosen},
                nullptr);
    for (size_t m = 0; m < members.size(); ++m)
      for (int64_t layer = 0; layer < layers; ++layer) {
        const auto from = chosen.begin() + (layer * T + rows.slices[m].row) * K;
        auto& to = experts[static_cast<size_t>(members[m])];
        to.insert(to.end(), from, from + rows.slices[m].num_rows * K);
      }
  }
  return experts;
}

std::vector<int32_t> pack_experts(const model::ModelConfig& config,
                                  std::span<const TrainSequence* const> sequences) {
  const auto given = std::count_if(sequences.begin(), sequences.end(),
                                   [](const TrainSequence* s) { return !s->experts.empty(); });
  if (given == 0) return {};
  CHECK_EQ(static_cast<size_t>(given), sequences.size());
  const int64_t layers = model::num_learned_moe(config), K = config.num_experts_per_tok;
  std::vector<int32_t> packed;
  for (int64_t layer = 0; layer < layers; ++layer)
    for (const TrainSequence* s : sequences) {
      const auto n = static_cast<int64_t>(s->ids.size()) * K;
      CHECK_EQ(static_cast<int64_t>(s->experts.size()), layers * n);
      packed.insert(packed.end(), s->experts.begin() + layer * n,
                    s->experts.begin() + (layer + 1) * n);
    }
  return packed;
}

}  // namespace amalgam::learner
