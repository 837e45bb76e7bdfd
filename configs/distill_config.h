// [distill]: the student, its teachers and its training.
#pragma once
#include <algorithm>

#include "configs/objective_config.h"
#include "configs/stage_configs.h"

namespace amalgam::configs {

// The teachers of one domain's prompts.
struct TeacherRow {
  std::string domain;
  Weights weight;

  template <class V>
  void visit(V& v) {
    v.value("domain", domain, "domain of the prompts");
    v.value("weight", weight, between(0, 1e6),
            "weight of each teacher on them: the specialist of the domain of that name, or the "
            "[[teacher]]; a row's extra_info.teachers goes first");
  }
};

// For whom a student is made.
enum class Students { kOne, kPerDomain };
inline std::vector<std::string> names_of(Students) { return {"one", "per_domain"}; }

struct DistillConfig {
  // What gets over the average of several teachers whatever the seed: docs/EFFORT.md.
  int64_t steps = 800;
  PromptBatchConfig data{.train_batch_size = 48};
  RolloutConfig rollout{.n = 1};
  Objective objective = Objective::kExact;
  ObjectiveParameters parameters;  // of the objective: keys of this table
  double mtp_loss_weight = 0.1;
  double index_loss_coef = 1;
  OptimConfig optim{.lr = 2e-3, .decay_fraction = 0.5, .beta2 = 0.99};
  std::vector<double> lr_candidates;
  int64_t sweep_steps = 15;
  std::vector<TeacherRow> teachers;
  Path student;
  Students students = Students::kOne;
  int64_t test_freq = 50;
  int64_t teacher_memory = -1, hidden_memory = -1;

  template <class V>
  void visit(V& v) {
    v.value("steps", steps, between(0, 1e9), "optimiser steps; 0: no distillation");
    v.section("data", data, "Prompts of a step, split evenly over the domains.");
    v.section("rollout", rollout, "Sampling.");
    v.value("objective", objective,
            "docs/OBJECTIVES.md. Over the whole vocabulary: exact (reverse KL), forward, jsd. From "
            "the sampled token, as baselines: sampled_advantage (its estimate of the reverse KL as "
            "an advantage), sampled_loss (an estimate as the loss itself). From the teacher's "
            "likeliest ids: topk_forward_verl, topk_forward_nemo, topk_reverse_nemo, "
            "topk_mixed_nemo, as verl and NeMo-RL define them, and topk_tail (reverse KL, all "
            "other ids as one)");
    parameters.visit(v);
    v.value("mtp_loss_weight", mtp_loss_weight, between(0, 100),
            "weight of the loss that keeps a multi-token prediction block up with the policy's "
            "tokens; the rest of the model gets no gradient from it; 0: the block stays as it is");
    v.value("index_loss_coef", index_loss_coef, between(0, 100),
            "weight of the loss that teaches the indexers what attention looks at, per token; the "
            "rest of the model gets no gradient from it; 0: they stay as they are");
    v.section("optim", optim, "Optimiser of this stage.");
    v.value("lr_candidates", lr_candidates, between(0, 1),
            "learning rates of a distillation: each trains for sweep_steps, the best on "
            "the validation prompts goes on; empty: optim.lr alone");
    v.value("sweep_steps", sweep_steps, between(1, 1e9),
            "steps after which the candidates are compared");
    v.tables(
        "teachers", teachers, TeacherRow{},
        "One row a domain: which teachers its prompts follow, and how much. Without a row a domain "
        "follows its own specialist with weight 1.");
    v.value("student", student,
            "model directory that every distillation of `run` starts from; empty: the base");
    v.value(
        "students", students,
        "one: a single student of all domains; per_domain: one for each [[domain]] table, of the "
        "specialists of its efforts; comparisons alike");
    v.value("test_freq", test_freq, between(0, 1e9),
            "steps between validations, as in [rl]; 0: none, the last step is kept");
    v.value(
        "teacher_memory", teacher_memory, between(-1, 1 << 30),
        "what teachers' weights may take, MiB, beside the one that is read ahead; the one in use "
        "always has its place; -1: a quarter of the machine's memory; changes no result");
    v.value("hidden_memory", hidden_memory, between(-1, 1 << 30),
            "what teachers' hidden states of a step may take, MiB; the rest is in files in the run "
            "directory until it is used; -1: an eighth of the machine's memory; changes no result");
  }

  // Candidates of a whole training that are compared on the validation prompts: each validated step
  // of each learning rate. 1: nothing is.
  int64_t num_candidates() const {
    if (test_freq == 0 || steps == 0) return 1;
    const auto validated = [&](int64_t end) { return (end - 1) / test_freq + 1; };  // end too
    const auto rates = static_cast<int64_t>(lr_candidates.size());
    if (rates <= 1) return validated(steps);
    const int64_t sweep = std::min(sweep_steps, steps);
    const int64_t later =
        sweep == steps ? 0 : validated(steps) - validated(sweep) + (sweep % test_freq != 0);
    return rates * validated(sweep) + later;
  }

  std::optional<Problem> problem() const {
    if (lr_candidates.size() > 1 && test_freq == 0)
      return Problem{"test_freq",
                     "lr_candidates are compared on validation prompts; give test_freq, "
                     "or one rate"};
    if (parameters.reward_coef > 0 && rollout.n < 2)
      return Problem{"rollout.n",
                     "reward_coef compares the rewards of a prompt's samples; give at least 2"};
    return parameters.problem(objective);
  }
};

}  // namespace amalgam::configs
