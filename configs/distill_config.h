// [distill]: the student, its teachers and its training.
#pragma once
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
    v.value(
        "objective", objective,
        "exact: reverse KL over the whole vocabulary; sampled: its estimate from the sampled token "
        "(baseline)");
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

  std::optional<Problem> problem() const {
    if (lr_candidates.size() > 1 && test_freq == 0)
      return Problem{"test_freq",
                     "lr_candidates are compared on validation prompts; give test_freq, "
                     "or one rate"};
    return std::nullopt;
  }
};

}  // namespace amalgam::configs
