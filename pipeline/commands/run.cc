#include "pipeline/commands/run.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>

#include "configs/error.h"
#include "configs/log/log.h"
#include "pipeline/commands/report_command.h"
#include "pipeline/run_store/results.h"
#include "pipeline/stages/disk.h"
#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/eval.h"
#include "pipeline/stages/inputs_check.h"
#include "pipeline/stages/plans.h"
#include "pipeline/stages/sft.h"

namespace amalgam::pipeline {
namespace {

// As one word of a POSIX shell.
std::string shell_word(const std::string& text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? "'\\''" : std::string(1, c);
  return word + "'";
}

// Throws Error for a name that is no stage of the run.
void check_restarts(const configs::RunConfig& config, const std::vector<std::string>& restart) {
  std::vector<std::string> names;
  if (config.model.path.empty()) names.push_back("base");
  for (const configs::DomainConfig* d : one_of_each_specialist(config))
    if (d->specialist.empty()) names.push_back(specialist_stage(specialist_name(*d)));
  for (const std::string& group : student_groups(config)) {
    if (config.distill.steps > 0) names.push_back(merged_name("distill", group));
    for (const configs::CompareConfig& c : config.compare)
      names.push_back("compare-" + merged_name(c.name, group));
  }
  for (const std::string& name : restart)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Error(fmt::format("--restart: the run has no stage '{}'; its stages are {}", name,
                              fmt::join(names, ", ")));
}

}  // namespace

void RunOptions::describe(OptionSet& options) {
  session.describe(options);
  options.flag("--resume", resume, "continue an interrupted run; harmless on a finished one");
}

int run_run(const RunOptions& options) {
  const configs::RunConfig config = options.session.load();
  std::string again = "continue with: amalgam run " + options.session.config.config;
  for (const std::string& o : options.session.config.overrides) again += " " + shell_word(o);
  if (options.session.skip_bad_rows) again += " --skip-bad-rows";
  again += " --run-dir " + config.run_dir + " --resume";
  for (const configs::DomainConfig& d : config.domains)
    require_sets(d, "run",
                 {.train = d.specialist.empty() || config.distill.steps > 0, .test = true});
  check_restarts(config, options.session.restart);
  return run_interruptible(config, again, [&] {
    InputFacts facts = check_inputs(config);
    announce_disk(config, {.all = true});
    RunSession session(config, std::move(facts), options.session.restart);
    if (session.has_begun() && !options.resume && options.session.restart.empty())
      throw Error(config.run_dir +
                  " holds a run already; add --resume to continue it, or choose "
                  "another --run-dir");
    RunContext& run = session.context();
    if (config.model.path.empty()) session.stage(base_plan(run));
    for (const configs::DomainConfig* d : one_of_each_specialist(run.config))
      if (d->specialist.empty()) session.stage(specialist_plan(run, *d));
    for (const std::string& group : student_groups(config)) {
      if (config.distill.steps > 0) session.stage(student_plan(run, group));
      for (const configs::CompareConfig& c : run.config.compare)
        session.stage(comparison_plan(run, c, group));
    }
    session.stage("eval", [&] { run_eval_stage(run); });
    report_run(config.run_dir, session.store(), tokenizer_dir(run));
    return 0;
  });
}

}  // namespace amalgam::pipeline
