// Trainer: packed training forward and backward over many sequences, then one optimiser step. What
// the loss is, the caller says: it sees the hidden states of a micro-batch and puts its gradient
// there. Gradients of micro-batches add up in a fixed order.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "configs/optim_config.h"
#include "kernels/head/head_policy.h"
#include "learner/step/gradients.h"
#include "learner/step/optimizer.h"
#include "learner/step/packing.h"
#include "learner/step/training_state.h"
#include "model/network/choices.h"
#include "model/network/network.h"

namespace amalgam::learner {

// Ends every Error about a number of ours that is NaN or infinite.
inline constexpr char kNonFiniteAdvice[] =
    "; no weight was changed by it. Start the stage anew, with a lower optim.lr";

// One sequence to train on.
struct TrainSequence {
  std::span<const int32_t> ids;
  // [ids.size()]: whether the token is one to learn (written by the policy, or an answer to
  // imitate). The first token never is: nothing predicts it.
  std::vector<bool> learned;
  // Choices of the first tokens to make again instead of the model's own.
  model::ChoiceView choices = {};
};

// Some sequences, one after the other in one packed forward.
struct MicroBatch : PackedRows {
  std::vector<int64_t> sequences;  // indices into the whole batch
  std::vector<int32_t> targets;    // [T] the next token if it is learned, else -1

  void add(const TrainSequence& s) {
    PackedRows::add(s.ids);
    for (size_t t = 1; t < s.ids.size(); ++t) targets.push_back(s.learned[t] ? s.ids[t] : -1);
    targets.push_back(-1);
  }
};

// What a stage trains beside its own loss. The defaults add nothing.
struct TrainOptions {
  double balance_loss_coefficient = 0;  // α of MODEL.md §2.5, mean over the sequences of the batch
  // kIndexer: attention is dense, the indexer's loss is over all visible entries (MODEL.md §2.4),
  // and nothing else moves.
  Trained trained = Trained::kAll;
  configs::Recompute recompute = configs::Recompute::kNone;
};

class Trainer {
 public:
  // References outlive the trainer.
  Trainer(model::Network& network, TrainingState& state, const configs::OptimConfig& optim,
          int64_t max_micro_tokens, const TrainOptions& options = {});

  // loss(micro, hidden): fills hidden.g and the head's gradient in gradients(); the backward pass
  // through the model follows. index_loss_coefficient: weight of the indexer's KL, per token of the
  // batch (0: the indexer does not learn).
  using Loss = std::function<void(const MicroBatch& micro, const model::Var& hidden)>;
  // `order`: how the batch is packed into micro-batches. First-fit decreasing puts sequences of
  // like length together and wastes no room.
  void accumulate(std::span<const TrainSequence> batch, double index_loss_coefficient,
                  const Loss& loss, PackOrder order = PackOrder::kFirstFitDecreasing);
  // From the next accumulate() on the MTP block of a model that has one is trained beside the
  // caller's loss: mean cross-entropy of the token after next over the batch's learned tokens,
  // times weight. 0, as at first: the block is left alone.
  void set_mtp_loss(double weight, model::MtpGradient gradient) {
    mtp_weight_ = weight, mtp_gradient_ = gradient;
  }
  // Steps and commits; clears what was accumulated. Throws Error, and commits nothing, when a
  // gradient or an updated weight is not finite; the tensor is named.
  StepReport step(double lr);

  // Called before every micro-batch; may throw to abandon the step (nothing is committed then).
  void set_poll(std::function<void()> poll) { poll_ = std::move(poll); }

  // Mean KL per token and CSA layer (the MTP block's among them) of the last accumulate(), without
  // its weight; nothing if no indexer learned.
  std::optional<double> index_loss() const { return index_loss_; }
  // Mean of Σ_e f_e P_e per sequence and learned MoE layer of the last accumulate(), 1 when the
  // load is even; nothing without the loss.
  std::optional<double> balance_loss() const { return balance_loss_; }
  // Mean MTP loss of the last accumulate(), without its weight; nothing if no block was trained.
  std::optional<double> mtp_loss() const { return mtp_loss_; }
  int64_t max_micro_tokens() const { return max_micro_tokens_; }
  Gradients& gradients() { return gradients_; }
  TrainingState& state() { return state_; }
  model::Network& network() { return network_; }
  const model::Weights& weights() const { return state_.current().params; }
  kernels::Head head() const;
  kernels::HeadGradients head_gradients(const model::Var& hidden);
  // A Loss: -weight · Σ logprob over the tokens with a target, of softmax(z / temperature). Returns
  // logprob [T].
  std::vector<float> cross_entropy(const MicroBatch& micro, const model::Var& hidden, float weight,
                                   double temperature = 1);

 private:
  model::Network& network_;
  TrainingState& state_;
  Optimizer optimizer_;
  Gradients gradients_;
  int64_t max_micro_tokens_;
  TrainOptions options_;
  std::vector<int64_t> router_load_;  // [layers and MTP blocks with a selection bias, E]
  std::function<void()> poll_;
  double mtp_weight_ = 0;
  model::MtpGradient mtp_gradient_ = model::MtpGradient::kAll;
  std::optional<double> index_loss_, balance_loss_, mtp_loss_;
  bool clean_ = false;
};

}  // namespace amalgam::learner
