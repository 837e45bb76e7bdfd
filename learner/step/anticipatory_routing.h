// Anticipatory routing with a loss-spike detector (MODEL.md §2.5): at step t the features are those
// of θ_t, the expert indices those of θ_{t-Δ}; a spike rolls training back a few steps and switches
// this on for a while.
//
// All that decides the steps to come is durable before the step that depends on it commits, so a
// killed run goes on with the same bits. Beside the training state, in its directory:
//
//   experts-R-N   the experts of step N's batch, written at step N - Δ (at the switch-on step for
//                 those that would have been due before it)
//   snapshot-R-N  a copy of the training state at step N, every rollback_steps steps
//
// R is the number of rollbacks so far: a rollback replaces the training state by a snapshot in
// which R is one more (one rename), and what the abandoned steps left can no longer be taken for
// the new ones'. R, the last losses and until when routing is anticipatory are the state's Extra,
// so they change together with the weights.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "configs/anticipatory_config.h"
#include "learner/step/trainer.h"

namespace amalgam::learner {

class AnticipatoryRouting {
 public:
  // The sequences of a step's batch; none after the last step.
  using BatchOf = std::function<std::vector<TrainSequence>(int64_t step)>;

  // state_path: the file of the trainer's state. References outlive it.
  AnticipatoryRouting(const configs::AnticipatoryConfig& config, const std::string& state_path,
                      Trainer& trainer);

  // Before each step's accumulate(): keeps what later steps and a rollback need. Returns the
  // experts of the batch's sequences (for TrainSequence::choices); empty when routing is not
  // anticipatory.
  std::vector<std::string> prepare(const BatchOf& batch_of);

  enum class Verdict {
    kGoOn,  // the loss is noted in next().extra: step
    kSpike  // do not step: roll_back()
  };
  // Between accumulate() and step(). Steps of anticipatory routing have no spikes.
  [[nodiscard]] Verdict watch(double loss);

  // Replaces the file of the training state by that of an earlier step, with routing anticipatory
  // for active_steps from there. The trainer and its state must then be opened anew.
  void roll_back(kernels::ThreadPool& pool);

  bool active() const;  // in the trainer's current step
  int64_t num_rollbacks() const;

 private:
  std::string file(const char* kind, int64_t rollbacks, int64_t step) const;
  std::vector<std::string> experts_of(int64_t step, const std::vector<TrainSequence>& batch);
  void keep_snapshot();
  bool active_at(int64_t step) const;
  template <class F>
  void for_each_file(F f) const;  // f(kind, rollbacks, step, path)

  configs::AnticipatoryConfig config_;
  std::string state_path_, directory_;
  Trainer& trainer_;
};

}  // namespace amalgam::learner
