// Which teachers the prompts of a merging by training follow.
#pragma once
#include <map>
#include <set>
#include <string>

#include "pipeline/stages/distill.h"

namespace amalgam::pipeline {

class PromptTeachers {
 public:
  // Looks at every training row of the job's domains. Throws Error where one names a teacher that
  // the job has no model for.
  PromptTeachers(RunContext& run, const DistillJob& job);

  // Weights by the names of the job's teachers: the row's own (JSON), else the domain's. Those
  // above 0 have a model.
  configs::Weights of(const std::string& domain, const std::string& row) const;

 private:
  void check(const configs::Weights& weights, const std::string& whose) const;

  const configs::RunConfig& config_;
  std::set<std::string> names_;
  std::map<std::string, configs::Weights> of_domain_;
};

}  // namespace amalgam::pipeline
