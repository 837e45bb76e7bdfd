#include "pipeline/stages/prompt_teachers.h"

#include "configs/error.h"
#include "pipeline/data/forms/row_reader.h"
#include "pipeline/stages/row_teachers.h"

namespace amalgam::pipeline {

PromptTeachers::PromptTeachers(RunContext& run, const DistillJob& job) : config_(run.config) {
  for (const auto& [name, directory] : job.teachers) names_.insert(name);
  for (const configs::DomainConfig* d : job.domains) {
    of_domain_[d->name] = domain_teachers(config_, *d);
    check(of_domain_[d->name], "domain " + d->name);
    const RowStore& rows = run.data().of(d->name).train.rows;
    for (size_t i = 0; i < rows.size(); ++i)
      check(of(d->name, rows.json(i)), "a row of domain " + d->name);
  }
}

configs::Weights PromptTeachers::of(const std::string& domain, const std::string& row) const {
  // Without quotes: extra_info may be JSON in a string.
  if (row.find("teachers") == std::string::npos) return of_domain_.at(domain);
  const std::string where = "a row of domain " + domain;
  const auto own = row_teachers(config_, *config_.find_domain(domain),
                                row_from_json(row, RowUse::kPrompt, where));
  return own ? *own : of_domain_.at(domain);
}

void PromptTeachers::check(const configs::Weights& weights, const std::string& whose) const {
  for (const auto& [name, weight] : weights)
    if (weight > 0 && !names_.contains(name))
      throw Error("the teachers of " + whose + ": there is no model for '" + name +
                  "'; add --teacher " + name + "=DIR");
}

}  // namespace amalgam::pipeline
