// Sampled conversations of a small model with what its sampler would have reported, for tests of
// the policy's step.
#pragma once
#include <memory>
#include <vector>

#include "learner/step/policy_step.h"
#include "proto/trajectory.pb.h"
#include "tests/learner/small_model.h"

namespace amalgam::learner::testing {

// Prompt, policy, tool result, policy.
inline proto::Trajectory conversation(int tokens, int stream) {
  proto::Trajectory t;
  for (int k = 0; k < tokens; ++k) {
    t.add_ids((k * (11 + stream) + 5 * stream) % 37);
    const bool policy = (k >= 4 && k < 9) || k >= 12;
    t.mutable_writer()->push_back(static_cast<char>(policy  ? proto::WRITER_POLICY
                                                    : k < 4 ? proto::WRITER_PROMPT
                                                            : proto::WRITER_TOOL));
    if (policy) t.add_logprobs(0);
  }
  return t;
}

// A training run from given weights.
struct Policy {
  Policy(const model::ModelConfig& config, const model::Weights& initial,
         const configs::OptimConfig& optim, const std::string& path, int threads = 1,
         const TrainOptions& options = {})
      : pool(threads),
        network(config, pool),
        state(TrainingState::create(path, config, initial, pool)),
        trainer(network, state, optim, 64, options) {}

  // Sets what sampling with the present weights would have set: log-probabilities, and what every
  // token but the last chose.
  void sample(std::vector<proto::Trajectory>& trajectories) {
    std::vector<const proto::Trajectory*> all;
    for (auto& t : trajectories) {
      t.mutable_meta()->set_weights_version(state.step());
      all.push_back(&t);
    }
    const auto logprobs = policy_token_logprobs(network, trainer.weights(), all, 64, 1);
    for (size_t i = 0; i < trajectories.size(); ++i) {
      proto::Trajectory& t = trajectories[i];
      t.mutable_logprobs()->Assign(logprobs[i].begin(), logprobs[i].end());
      PackedRows rows;
      rows.add({t.ids().data(), static_cast<size_t>(t.ids_size())});
      model::Batch batch{rows.ids, rows.slices};
      model::ChosenRows chosen;
      chosen.ask(network.config(), model::ChosenRows::kBoth, &batch);
      network.arena().reset();
      network.run(trainer.weights(), batch, nullptr);
      model::ChoiceRecord record;
      chosen.append(0, rows.tokens() - 1, &record);
      t.set_experts(record.experts);
      t.mutable_index_entries()->Assign(record.entries.begin(), record.entries.end());
    }
  }

  kernels::ThreadPool pool;
  model::Network network;
  TrainingState state;
  Trainer trainer;
};

}  // namespace amalgam::learner::testing
