// What a training step measured, as metrics: the total, and beside it NAME/DOMAIN for each domain.
// What was not measured is left out.
#pragma once
#include <optional>
#include <string>

#include "distill/step/distill_step.h"
#include "learner/step/policy_step.h"
#include "pipeline/run_store/run_store.h"

namespace amalgam::pipeline {

void add_figure(const std::string& name, std::optional<double> value, NamedValues* to);

// actor/pg_loss, pg_clipfrac, ppo_kl, kl_loss, kl, entropy.
void add_figures(const learner::PolicyFigures& figures, NamedValues* to);
// distill/objective, distill/kl, actor/entropy, with rewards actor/pg_loss;
// distill/kl/DOMAIN/TEACHER; what the teachers took.
void add_figures(const distill::DistillFigures& figures, NamedValues* to);

}  // namespace amalgam::pipeline
