#include "pipeline/commands/run.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "configs/error.h"
#include "configs/log/log.h"
#include "pipeline/commands/report_command.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/run_store/results.h"
#include "pipeline/stages/eval.h"
#include "pipeline/stages/inputs_check.h"
#include "pipeline/stages/plans.h"
#include "pipeline/stages/sft.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;

// Upper bound of what a run keeps at one time, from the number of parameters: a training state has
// two slots of parameters and two moments, and the models stay.
void announce_disk(const configs::RunConfig& config) {
  const configs::ModelSpec& m = config.model;
  const double experts = static_cast<double>(m.n_routed_experts + m.n_shared_experts) * 3 *
                         static_cast<double>(m.hidden_size * m.moe_intermediate_size);
  const double attention =
      static_cast<double>(m.hidden_size * (m.q_lora_rank + 5 * m.head_dim) +
                          2 * m.q_lora_rank * m.num_attention_heads * m.head_dim +
                          12 * m.hc_mult * m.hc_mult * m.hidden_size);
  const double parameters = static_cast<double>(m.layer_types.size()) * (experts + attention) +
                            2 * static_cast<double>(config.tokenizer.vocab_size * m.hidden_size);
  const auto domains = static_cast<double>(config.domains.size());
  const auto merged = static_cast<double>(config.compare.size() + 1);
  const double models =
      domains + merged + 4 + (domains + 2 * merged) * static_cast<double>(config.keep_last);
  const double bytes = 4 * parameters * (6 + models) + 100e6;
  const double free_bytes = static_cast<double>(free_disk_bytes(config.run_dir));
  char text[128];
  std::snprintf(text, sizeof text, "needs about %.1f GB of disk, %.1f GB are free", bytes / 1e9,
                free_bytes / 1e9);
  log::say(log::Part::kRun, "run directory " + config.run_dir + ": " + text);
  if (free_bytes < bytes)
    throw Error("not enough disk space for " + config.run_dir +
                "; free some or choose another --run-dir");
}

// Throws Error for a name that is no stage of the run.
void check_restarts(const configs::RunConfig& config, const std::vector<std::string>& restart) {
  std::vector<std::string> names;
  if (config.model.path.empty()) names.push_back("base");
  for (const configs::DomainConfig& d : config.domains)
    if (d.specialist.empty()) names.push_back(specialist_stage(d.name));
  if (config.distill.steps > 0) names.push_back("distill");
  for (const configs::CompareConfig& c : config.compare) names.push_back("compare-" + c.name);
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
  for (const std::string& o : options.session.config.overrides) again += " '" + o + "'";
  if (options.session.skip_bad_rows) again += " --skip-bad-rows";
  again += " --run-dir " + config.run_dir + " --resume";
  check_restarts(config, options.session.restart);
  return run_interruptible(again, [&] {
    RewardFunctions functions = check_inputs(config);
    if (!fs::exists(config.run_dir)) announce_disk(config);
    RunSession session(config, std::move(functions), options.session.restart);
    if (session.has_begun() && !options.resume && options.session.restart.empty())
      throw Error(config.run_dir +
                  " holds a run already; add --resume to continue it, or choose "
                  "another --run-dir");
    RunContext& run = session.context();
    if (config.model.path.empty()) session.stage(base_plan(run));
    for (const configs::DomainConfig& d : config.domains)
      if (d.specialist.empty()) session.stage(specialist_plan(run, d));
    if (config.distill.steps > 0) session.stage(student_plan(run));
    for (const configs::CompareConfig& c : config.compare) session.stage(comparison_plan(run, c));
    session.stage("eval", [&] { run_eval_stage(run); });
    report_run(config.run_dir, session.store(), tokenizer_dir(run));
    return 0;
  });
}

}  // namespace amalgam::pipeline
