// One distillation step's loss: L = Σ_i w_i KL(π_θ ‖ π_Ei) on the student's own rollouts, summed
// over the whole vocabulary and all weighted teachers, mean over the policy tokens
// (POST_TRAINING.md §5); or another objective in KL's place (docs/OBJECTIVES.md), and with
// reward_coef the samples' reward beside it. Student and teachers are softmax(z / T) at the T of
// the rollouts.
//
// The order in which gradients are summed is that of the teachers' numbers and the samples: no bit
// depends on the memory that teachers are given, or on when they were loaded.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "distill/objectives/objective.h"
#include "distill/teachers/teachers.h"
#include "learner/step/figures.h"
#include "learner/step/trainer.h"

namespace amalgam::proto {
class Trajectory;
}

namespace amalgam::distill {

struct DistillSample {
  const proto::Trajectory* trajectory = nullptr;
  const TeacherWeights* teachers = nullptr;  // of its domain or its own row
  double advantage = 0;                      // of its reward, with reward_coef
};

// Means over policy tokens.
struct DistillMeans {
  learner::Mean objective;  // distill/objective: Σ_i w_i KL_i, what is minimised
  // distill/kl: without weights, so that runs with other weights can be compared; where a token has
  // several teachers, the mean over them. Of other objectives their own D_i.
  learner::Mean kl;
  // KL_i of the tokens that teacher i teaches, by the teacher's name.
  std::map<std::string, learner::Mean> teacher_kl;
  learner::Mean entropy;  // actor/entropy: of the student, nats

  void add(const DistillMeans& part);
};

struct DistillFigures {
  std::map<std::string, DistillMeans> means;  // by domain
  std::optional<double> probs_diff_max;       // training/rollout_probs_diff_max
  TeacherFigures teachers;
  std::optional<double> pg_loss;  // actor/pg_loss, with reward_coef

  DistillMeans total() const;  // of all domains
};

// Runs the teachers one after the other, then accumulates the gradient; the caller steps. Throws
// Error where a log-probability, a KL or a sample's policy loss is not finite.
DistillFigures accumulate_distill_loss(learner::Trainer& trainer, Teachers& teachers,
                                       std::span<const DistillSample> samples,
                                       const DistillObjective& objective,
                                       double index_loss_coefficient, int64_t max_micro_tokens);

}  // namespace amalgam::distill
