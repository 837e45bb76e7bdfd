// One distillation step's loss: L = Σ_i w_i KL(π_θ ‖ π_Ei) on the student's own rollouts, summed
// over the whole vocabulary and all weighted teachers, mean over the policy tokens
// (POST_TRAINING.md §5); and its named baseline, the sampled-token estimate.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "configs/stage_configs.h"
#include "learner/step/trainer.h"

namespace amalgam::proto {
class Trajectory;
}

namespace amalgam::distill {

// By teacher directory.
using TeacherWeights = std::map<std::string, double>;

struct DistillSample {
  const proto::Trajectory* trajectory = nullptr;
  const TeacherWeights* teachers = nullptr;  // the row of its domain
};

struct DistillFigures {
  double kl = 0;              // weighted, mean over policy tokens; the estimate for kSampled
  double entropy = 0;         // of the student, nats, mean over policy tokens
  double probs_diff_max = 0;  // training/rollout_probs_diff_max
  int64_t num_tokens = 0;
};

// Runs the teachers one after the other, then accumulates the gradient; the caller steps.
// kExact: exact_kl(), kSampled: sampled_kl() (distill/objectives/distill_loss.h).
DistillFigures accumulate_distill_loss(learner::Trainer& trainer,
                                       std::span<const DistillSample> samples,
                                       configs::Objective objective, double index_loss_coefficient,
                                       int64_t max_micro_tokens);

}  // namespace amalgam::distill
