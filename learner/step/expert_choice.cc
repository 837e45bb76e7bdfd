#include "learner/step/expert_choice.h"

#include "learner/step/packing.h"

namespace amalgam::learner {

std::vector<std::string> choose_experts(model::Network& network, const model::Weights& weights,
                                        std::span<const TrainSequence> batch,
                                        int64_t max_micro_tokens) {
  std::vector<int64_t> lengths;
  for (const TrainSequence& s : batch) lengths.push_back(static_cast<int64_t>(s.ids.size()));
  std::vector<std::string> experts(batch.size());
  model::ChosenRows chosen;
  for (const auto& members :
       pack_micro_batches(lengths, max_micro_tokens, PackOrder::kFirstFitDecreasing)) {
    PackedRows rows;
    for (const int64_t i : members) rows.add(batch[static_cast<size_t>(i)].ids);
    model::Batch pass{.ids = rows.ids, .sequences = rows.slices};
    chosen.ask(network.config(), model::ChosenRows::kExperts, &pass);
    network.arena().reset();
    network.run(weights, pass, nullptr);
    for (size_t m = 0; m < members.size(); ++m) {
      model::ChoiceRecord record;
      chosen.append(rows.slices[m].row, rows.slices[m].num_rows, &record);
      experts[static_cast<size_t>(members[m])] = std::move(record.experts);
    }
  }
  return experts;
}

}  // namespace amalgam::learner
