#include "pipeline/stages/whole_run.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>

#include "configs/error.h"
#include "configs/log/log.h"
#include "pipeline/run_store/results.h"
#include "pipeline/stages/compare.h"
#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/eval.h"
#include "pipeline/stages/plans.h"

namespace amalgam::pipeline {
bool WantedModels::has(const std::string& name) const {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

void check_wanted(const configs::RunConfig& config, const WantedModels& wanted) {
  std::vector<std::string> known = {kBase, kSpecialist};
  if (config.distill.steps > 0) known.push_back(kStudent);
  for (const configs::CompareConfig& c : config.compare)
    if (!configs::is_own_model(c.method)) known.push_back(c.name);
  for (const std::string& name : wanted.names)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw Error(fmt::format("--methods: the config has no '{}'; it has {}", name,
                              fmt::join(known, ", ")));
}

std::vector<RunPart> parts_of_run(const configs::RunConfig& config, const WantedModels& wanted) {
  std::vector<RunPart> parts;
  if (config.model.path.empty())
    parts.push_back({"base", [](RunSession& s) { s.stage(base_plan(s.context())); }});
  for (const configs::DomainConfig* d : one_of_each_specialist(config)) {
    if (!d->specialist.empty()) continue;
    parts.push_back({specialist_stage(specialist_name(*d)), [name = d->name](RunSession& s) {
                       s.stage(specialist_plan(s.context(), *s.context().config.find_domain(name)));
                     }});
  }
  for (const std::string& group : student_groups(config)) {
    // What is the student's under another name is made with it.
    const auto is_wanted_student = [&](const configs::CompareConfig& c) {
      return is_the_student(config, c) && wanted.has(c.name);
    };
    if (config.distill.steps > 0 &&
        (wanted.has(kStudent) ||
         std::any_of(config.compare.begin(), config.compare.end(), is_wanted_student)))
      parts.push_back({merged_name("distill", group),
                       [group](RunSession& s) { s.stage(student_plan(s.context(), group)); }});
    for (size_t i = 0; i < config.compare.size(); ++i) {
      const configs::CompareConfig& c = config.compare[i];
      if (!wanted.has(c.name)) continue;
      if (const std::string why = why_left_out(config, c, group); !why.empty())
        log::say(log::Part::kRun, merged_name(c.name, group) + " is left out: " + why);
      if (has_stage(config, c, group))
        parts.push_back({"compare-" + merged_name(c.name, group), [group, i](RunSession& s) {
                           s.stage(
                               comparison_plan(s.context(), s.context().config.compare[i], group));
                         }});
    }
  }
  parts.push_back({kEvaluation, [wanted](RunSession& s) {
                     s.stage(kEvaluation, [&] { run_eval_stage(s.context(), wanted); });
                   }});
  return parts;
}

void check_restarts(const std::vector<RunPart>& parts, const std::vector<std::string>& restart) {
  std::vector<std::string> names;
  for (const RunPart& part : parts)
    if (part.stage != kEvaluation) names.push_back(part.stage);
  for (const std::string& name : restart)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Error(fmt::format("--restart: the run has no stage '{}'; its stages are {}", name,
                              fmt::join(names, ", ")));
}

}  // namespace amalgam::pipeline
