#include "pipeline/stages/learner_figures.h"

#include "configs/domain_config.h"

namespace amalgam::pipeline {

void add_figure(const std::string& name, std::optional<double> value, NamedValues* to) {
  if (value) to->emplace_back(name, *value);
}

void add_figures(const learner::PolicyFigures& figures, NamedValues* to) {
  const auto add = [&](const learner::PolicyMeans& m, const std::string& suffix) {
    add_figure("actor/pg_clipfrac" + suffix, m.clipfrac.value(), to);
    add_figure("actor/ppo_kl" + suffix, m.ppo_kl.value(), to);
    add_figure("actor/kl" + suffix, m.kl.value(), to);
    add_figure("actor/entropy" + suffix, m.entropy.value(), to);
  };
  add_figure("actor/pg_loss", figures.pg_loss.value(), to);
  add_figure("actor/kl_loss", figures.kl_loss.value(), to);
  add(figures.total(), "");
  for (const auto& [domain, means] : figures.means)
    add(means, "/" + configs::domain_metric_name(domain));
}

void add_figures(const distill::DistillFigures& figures, NamedValues* to) {
  const auto add = [&](const distill::DistillMeans& m, const std::string& suffix) {
    add_figure("distill/objective" + suffix, m.objective.value(), to);
    add_figure("distill/kl" + suffix, m.kl.value(), to);
    add_figure("actor/entropy" + suffix, m.entropy.value(), to);
  };
  add_figure("actor/pg_loss", figures.pg_loss, to);
  add(figures.total(), "");
  for (const auto& [name, means] : figures.means) {
    const std::string domain = configs::domain_metric_name(name);
    add(means, "/" + domain);
    for (const auto& [teacher, kl] : means.teacher_kl)
      add_figure("distill/kl/" + domain + "/" + teacher, kl.value(), to);
  }
  to->insert(to->end(),
             {{"distill/teacher_bytes", static_cast<double>(figures.teachers.weights_bytes)},
              {"distill/hidden_bytes", static_cast<double>(figures.teachers.hidden_bytes)},
              {"timing_s/teacher_forward", figures.teachers.forward_s},
              {"timing_s/teacher_wait", figures.teachers.wait_s}});
}

}  // namespace amalgam::pipeline
