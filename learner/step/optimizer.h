// Optimizer: one step from the current slot of a TrainingState to the next one (MODEL.md §4).
//
// kind = muon: Muon for Role::kMatrix, AdamW for Role::kAdam. kind = adamw: AdamW for both. Both
// decay every tensor they move. The router's selection bias follows the load in either case. Each
// tensor of the model is one logical matrix: an expert's w1, and also wo_a with all its groups.
//
// Clipping scales all gradients down to a norm of grad_clip. An MTP block is apart, and so are the
// indexers (the MTP block's among them): each has a norm and a scale of its own, so training it
// beside another loss does not change that loss's step. Where it has no gradient at all it stays as
// it is, without decay.
//
// Same bits for any number of threads. Working memory is kept between steps.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "configs/optim_config.h"
#include "kernels/device/thread_pool.h"
#include "learner/optim/newton_schulz.h"
#include "learner/step/gradients.h"
#include "learner/step/training_state.h"

namespace amalgam::learner {

// Which tensors a step moves; all others, and the routing biases, are copied.
enum class Trained {
  kAll,
  kIndexer  // of all CSA layers: their warm-up
};

enum class StepOutcome {
  kDone,               // next() is complete: commit it
  kNonFiniteGradient,  // a gradient has a NaN or an infinity; next() was not written
  kNonFiniteWeight     // a weight of next() has: do not commit it
};

struct StepReport {
  StepOutcome outcome = StepOutcome::kDone;
  // Before clipping, of all trained tensors of the MTP block, of the indexers, and of all others.
  double grad_norm = 0, mtp_grad_norm = 0, index_grad_norm = 0;
  std::string tensor;  // the first with a number that is not finite
};

class Optimizer {
 public:
  Optimizer(const configs::OptimConfig& config, const model::ModelConfig& model,
            Trained trained = Trained::kAll);

  // Writes state.next(); the caller sets next().extra and commits. `lr` is the schedule's rate of
  // this step. router_load: [layers with a selection bias, E] in visiting order, tokens per expert;
  // empty leaves the biases as they are.
  [[nodiscard]] StepReport step(kernels::ThreadPool& pool, const Gradients& gradients, double lr,
                                std::span<const int64_t> router_load, TrainingState& state);

 private:
  enum Group : size_t { kModel, kMtp, kIndexer, kNumGroups };  // clipped together
  using PerGroup = std::array<double, kNumGroups>;
  struct Entry {
    int64_t offset, rows, cols;  // in the block that Weights::bind fills
    Group group;
  };
  struct Blocks;  // base pointers of all that a step reads and writes

  static Group group_of(const std::string& name);
  // Σ x² of norm_pieces_ in norm_sums_.
  void sum_squares(kernels::ThreadPool& pool, const float* block);
  PerGroup gradient_norms(kernels::ThreadPool& pool, const float* gradients);
  // A group whose scale is 0 stays as it is.
  void step_matrices(kernels::ThreadPool& pool, const Blocks& blocks, double lr,
                     const PerGroup& scales);
  void step_elements(kernels::ThreadPool& pool, const Blocks& blocks, double lr,
                     const PerGroup& scales, int64_t t);

  configs::OptimConfig config_;
  std::vector<Entry> matrices_;  // Muon, most work first
  std::vector<Entry> elements_;  // AdamW, in pieces of one row
  std::vector<Entry> biases_;
  std::vector<Entry> frozen_;  // in pieces of one row
  std::vector<Entry> norm_pieces_;
  std::vector<double> norm_sums_;             // one a piece
  std::vector<NewtonSchulzScratch> scratch_;  // one a lane
};

}  // namespace amalgam::learner
