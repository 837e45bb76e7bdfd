#include "learner/trainer.h"

#include "configs/check.h"
#include "configs/error.h"
#include "learner/expert_choice.h"
#include "learner/packing.h"

namespace amalgam::learner {

Trainer::Trainer(model::Network& network, TrainingState& state, const configs::OptimConfig& optim,
                 int64_t max_micro_tokens, const TrainOptions& options)
    : network_(network),
      state_(state),
      optimizer_(optim, network.config(), options.trained),
      gradients_(network.config()),
      max_micro_tokens_(max_micro_tokens),
      options_(options) {}

kernels::Head Trainer::head() const {
  return {weights().head.data, network_.config().vocab_size, network_.config().hidden_size};
}

kernels::HeadGradients Trainer::head_gradients(const model::Var& hidden) {
  return {.hidden = hidden.g, .weight = gradients_.weights().head.data};
}

void Trainer::accumulate(std::span<const TrainSequence> batch, double index_loss_coefficient,
                         const Loss& loss) {
  if (!clean_) {
    gradients_.zero(network_.pool());
    router_load_.clear();
    clean_ = true;
  }
  std::vector<int64_t> lengths;
  int64_t total = 0;
  for (const TrainSequence& s : batch) {
    lengths.push_back(static_cast<int64_t>(s.ids.size()));
    total += lengths.back();
  }
  double index_loss = 0, balance_loss = 0;
  int64_t balance_terms = 0;
  // First-fit decreasing puts sequences of like length together and wastes no room.
  for (const auto& members :
       pack_micro_batches(lengths, max_micro_tokens_, PackOrder::kFirstFitDecreasing)) {
    if (poll_) poll_();
    MicroBatch micro;
    micro.sequences = members;
    std::vector<const TrainSequence*> sequences;
    for (const int64_t i : members) {
      const TrainSequence& s = batch[static_cast<size_t>(i)];
      sequences.push_back(&s);
      micro.slices.push_back({micro.tokens(), static_cast<int64_t>(s.ids.size()), nullptr});
      micro.ids.insert(micro.ids.end(), s.ids.begin(), s.ids.end());
      for (size_t t = 1; t < s.ids.size(); ++t)
        micro.targets.push_back(s.learned[t] ? s.ids[t] : -1);
      micro.targets.push_back(-1);
    }
    network_.arena().reset();
    model::Tape tape(network_.arena());
    model::Recording recording{.tape = &tape, .grads = &gradients_.weights()};
    recording.index_loss_coefficient =
        static_cast<float>(index_loss_coefficient / static_cast<double>(total));
    recording.balance_loss_coefficient =
        static_cast<float>(options_.balance_loss_coefficient / static_cast<double>(batch.size()));
    recording.recompute = options_.recompute;
    if (options_.trained == Trained::kIndexer)
      recording.indexed_entries = model::IndexedEntries::kAllVisible;
    const std::vector<int32_t> experts = pack_experts(network_.config(), sequences);
    const model::Var hidden = network_.run(
        weights(), {.ids = micro.ids, .sequences = micro.slices, .given_experts = experts},
        &recording);
    loss(micro, hidden);
    tape.backward();
    index_loss += recording.index_loss;
    balance_loss += recording.balance_loss;
    balance_terms += recording.balance_terms;
    const auto& blocks = weights().blocks;
    size_t at = 0;
    for (size_t layer = 0; layer < blocks.size(); ++layer) {
      if (blocks[layer].mlp_kind != model::MlpKind::kMoe) continue;
      const auto& load = recording.expert_load[layer];
      if (router_load_.size() < at + load.size()) router_load_.resize(at + load.size());
      for (size_t e = 0; e < load.size(); ++e) router_load_[at + e] += load[e];
      at += load.size();
    }
    // MTP blocks are not run: no load, so their biases stay.
    for (const auto& mtp : weights().mtp) at += static_cast<size_t>(mtp.block.moe.bias.size());
    router_load_.resize(at);
  }
  balance_loss_ = balance_terms ? balance_loss / static_cast<double>(balance_terms) : 0;
  int64_t csa_layers = 0;
  for (const auto& b : weights().blocks)
    csa_layers += b.attention_kind == model::AttentionKind::kCsa;
  index_loss_ = csa_layers && total ? index_loss / static_cast<double>(total * csa_layers) : 0;
}

StepReport Trainer::step(double lr) {
  CHECK(clean_);
  if (options_.trained != Trained::kAll) router_load_.clear();  // routers are frozen too
  const StepReport report = optimizer_.step(network_.pool(), gradients_, lr, router_load_, state_);
  if (report.outcome == StepOutcome::kNonFinite)
    throw Error("the gradients of optimiser step " + std::to_string(state_.step() + 1) +
                " are not finite; lower optim.lr and run again with --resume");
  state_.commit(network_.pool());
  clean_ = false;
  return report;
}

}  // namespace amalgam::learner
