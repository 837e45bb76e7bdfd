#include "learner/step/trainer.h"

#include "configs/check.h"
#include "configs/error.h"
#include "learner/objectives/mtp_loss.h"

namespace amalgam::learner {
namespace {

// Tokens the MTP block is trained on: learned ones that have two before them.
int64_t num_mtp_targets(std::span<const TrainSequence> batch) {
  int64_t n = 0;
  for (const TrainSequence& s : batch)
    for (size_t t = 2; t < s.learned.size(); ++t) n += s.learned[t];
  return n;
}

}  // namespace

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

std::vector<float> Trainer::cross_entropy(const MicroBatch& micro, const model::Var& hidden,
                                          float weight, double temperature) {
  const auto n = static_cast<size_t>(micro.tokens());
  const std::vector<float> row_weights(n, weight);
  std::vector<float> logprob(n), lse(n);
  kernels::head_cross_entropy(network_.pool(), network_.scratch(),
                              {.head = head(),
                               .hidden = hidden.v.data,
                               .targets = micro.targets.data(),
                               .tokens = micro.tokens(),
                               .temperature = temperature},
                              row_weights.data(), {.logprob = logprob.data(), .lse = lse.data()},
                              head_gradients(hidden));
  return logprob;
}

void Trainer::accumulate(std::span<const TrainSequence> batch, double index_loss_coefficient,
                         const Loss& loss, PackOrder order) {
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
  const bool has_mtp = !weights().mtp.empty();
  const int64_t mtp_targets = has_mtp && mtp_weight_ > 0 ? num_mtp_targets(batch) : 0;
  double index_loss = 0, balance_loss = 0, mtp_loss = 0;
  int64_t balance_terms = 0;
  for (const auto& members : pack_micro_batches(lengths, max_micro_tokens_, order)) {
    if (poll_) poll_();
    MicroBatch micro;
    micro.sequences = members;
    std::vector<model::ChoiceView> choices;
    for (const int64_t i : members) {
      const TrainSequence& s = batch[static_cast<size_t>(i)];
      choices.push_back(s.choices);
      micro.add(s);
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
    const model::GivenRows given(network_.config(), micro.slices, choices);
    model::Var streams;
    const model::Var hidden = network_.run(weights(),
                                           {.ids = micro.ids,
                                            .sequences = micro.slices,
                                            .given_experts = given.experts,
                                            .given_entries = given.entries},
                                           &recording, &streams);
    loss(micro, hidden);
    if (mtp_targets > 0)
      mtp_loss += record_mtp_loss(
          network_, weights(),
          {.ids = micro.ids,
           .targets = micro.targets,
           .slices = micro.slices,
           .streams = streams,
           .weight = static_cast<float>(mtp_weight_ / static_cast<double>(mtp_targets)),
           .gradient = mtp_gradient_},
          recording);
    tape.backward();
    index_loss += recording.index_loss;
    balance_loss += recording.balance_loss;
    balance_terms += recording.balance_terms;
    const auto& blocks = weights().blocks;
    size_t at = 0;
    // A block that did not run has no load, so its bias stays.
    const auto add_load = [&](const model::Moe& moe, const std::vector<int64_t>& load) {
      const auto E = static_cast<size_t>(moe.bias.size());
      if (router_load_.size() < at + E) router_load_.resize(at + E);
      for (size_t e = 0; e < load.size(); ++e) router_load_[at + e] += load[e];
      at += E;
    };
    for (size_t layer = 0; layer < blocks.size(); ++layer)
      if (blocks[layer].mlp_kind == model::MlpKind::kMoe)
        add_load(blocks[layer].moe, recording.expert_load[layer]);
    for (size_t i = 0; i < weights().mtp.size(); ++i)
      add_load(weights().mtp[i].block.moe, recording.expert_load[blocks.size() + i]);
  }
  balance_loss_.reset(), index_loss_.reset(), mtp_loss_.reset();
  if (balance_terms > 0) balance_loss_ = balance_loss / static_cast<double>(balance_terms);
  int64_t csa_rows = 0;
  for (const auto& b : weights().blocks)
    if (b.attention_kind == model::AttentionKind::kCsa) csa_rows += total;
  if (mtp_targets > 0 && weights().mtp[0].block.attention_kind == model::AttentionKind::kCsa)
    csa_rows += total - static_cast<int64_t>(batch.size());
  if (csa_rows > 0 && index_loss_coefficient > 0)
    index_loss_ = index_loss / static_cast<double>(csa_rows);
  if (mtp_targets > 0) mtp_loss_ = mtp_loss / static_cast<double>(mtp_targets);
}

StepReport Trainer::step(double lr) {
  CHECK(clean_);
  if (options_.trained != Trained::kAll) router_load_.clear();  // routers are frozen too
  const StepReport report = optimizer_.step(network_.pool(), gradients_, lr, router_load_, state_);
  if (report.outcome != StepOutcome::kDone)
    throw Error((report.outcome == StepOutcome::kNonFiniteGradient ? "the gradient of "
                                                                   : "the update of ") +
                report.tensor + " is not finite" + kNonFiniteAdvice);
  state_.commit(network_.pool());
  clean_ = false;
  return report;
}

}  // namespace amalgam::learner
