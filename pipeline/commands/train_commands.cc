#include "pipeline/commands/train_commands.h"

#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>

#include "configs/error.h"
#include "configs/format.h"
#include "configs/log/log.h"
#include "learner/optim/schedule.h"
#include "model/network/model_config.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/run_store/results.h"
#include "pipeline/run_store/set_counts.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/stages/disk.h"
#include "pipeline/stages/eval.h"
#include "pipeline/stages/inputs_check.h"
#include "pipeline/stages/plans.h"
#include "pipeline/stages/run_dirs.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;

const configs::DomainConfig& domain_of(const configs::RunConfig& config, const std::string& name) {
  const configs::DomainConfig* d = config.find_domain(name);
  if (!d) throw Error("the config has no domain '" + name + "'");
  return *d;
}

const char kAgain[] = "the same command continues";

void check_restart(const StageOptions& options, const std::string& stage) {
  for (const std::string& name : options.session.restart)
    if (name != stage) throw Error("--restart: the command has one stage, " + stage);
}

// A line for each metric of a domain.
class EvalProgress {
 public:
  explicit EvalProgress(std::string domain) : domain_(std::move(domain)) {}
  void operator()(const std::string& metric, int64_t finished, int64_t all) {
    if (metric != metric_)
      progress_.emplace("eval " + domain_ + " " + metric, all, /*first=*/finished, "sample");
    metric_ = metric;
    progress_->update(finished);
  }

 private:
  const std::string domain_;
  std::string metric_;
  std::optional<Progress> progress_;
};

bool is_asked(const EvalRow& row, const EvalOptions& options) {
  return (options.domain.empty() || row.domain == options.domain) &&
         row.metric.ends_with(kAllRowsSuffix) == options.all_rows;
}

// The one stage of a command that makes a model.
int run_to_model(const configs::RunConfig& config, const InputScope& inputs, const DiskScope& disk,
                 const StageOptions& options, const std::string& stage,
                 const std::function<StagePlan(RunContext&)>& plan) {
  check_restart(options, stage);
  return run_interruptible(config, kAgain, [&] {
    InputFacts facts = check_inputs(config, inputs);
    announce_disk(config, disk);
    RunSession session(config, std::move(facts), options.session.restart);
    if (!session.has_begun() && fs::exists(options.out))
      throw Error(options.out + " exists already; choose another --out");
    claim_run_dir(config.run_dir, options.out);
    session.stage(plan(session.context()));
    std::printf("%s\n", options.out.c_str());
    return 0;
  });
}

}  // namespace

void StageOptions::describe(OptionSet& options, Need out_need) {
  session.describe(options);
  options.option("--model", model, "Hugging Face directory with a tokenizer", Need::kRequired);
  if (out_need == Need::kRequired)
    options.option("--out", out, "model directory to write", Need::kRequired);
  options.flag("--resume", resume, "go on where the command stopped, as it does without this too");
}

configs::RunConfig StageOptions::load(const std::string& command, const std::string& domain) {
  for (std::string* path : {&model, &out})
    while (path->size() > 1 && path->back() == '/') path->pop_back();
  // As a key of the config, so that what is checked there is checked of this model.
  session.config.overrides.push_back("model={path=" + configs::format_value(whole_path(model)) +
                                     "}");
  configs::RunConfig config = session.load();
  if (session.config.run_dir.empty())
    config.run_dir =
        command_run_dir(session.config.config, command, domain, out.empty() ? model : out);
  return config;
}

void SftOptions::describe(OptionSet& options) {
  stage.describe(options, Need::kRequired);
  options.option("--domain", domain, "domain of the config", Need::kRequired);
}

int run_sft(const SftOptions& options) {
  StageOptions stage = options.stage;
  const configs::RunConfig config = stage.load("sft", options.domain);
  const configs::DomainConfig& domain = domain_of(config, options.domain);
  if (domain.sft.steps == 0) throw Error("sft.steps is 0; say how many, for example sft.steps=200");
  return run_to_model(config, {.examples_of = &domain}, {.sft_of = &domain}, stage,
                      "sft-" + domain.name, [&](RunContext& run) {
                        return sft_plan(run, domain, config.model.path.string(), stage.out);
                      });
}

void RlOptions::describe(OptionSet& options) {
  stage.describe(options, Need::kRequired);
  options.option("--domain", domain, "domain of the config", Need::kRequired);
}

int run_rl(const RlOptions& options) {
  StageOptions stage = options.stage;
  const configs::RunConfig config = stage.load("rl", options.domain);
  const configs::DomainConfig& domain = domain_of(config, options.domain);
  require_sets(domain, "rl", {.train = true, .validation = domain.rl.test_freq > 0});
  const RlJob job{specialist_stage(domain.name), config.model.path.string(), stage.out};
  return run_to_model(config, {}, {.rl_of = &domain}, stage, job.stage,
                      [&](RunContext& run) { return rl_plan(run, domain, job); });
}

void DistillOptions::describe(OptionSet& options) {
  stage.describe(options, Need::kRequired);
  options.option("--teacher", teachers, "DOMAIN=DIR; once for each domain of the config",
                 Need::kRequired);
}

int run_distill(const DistillOptions& options) {
  StageOptions stage = options.stage;
  const configs::RunConfig config = stage.load("distill", "");
  for (const configs::DomainConfig& d : config.domains)
    require_sets(d, "distill", {.train = true, .validation = config.distill.test_freq > 0});
  DistillJob job{.model = kStudent,
                 .start_dir = config.model.path.string(),
                 .out_dir = stage.out,
                 .teachers = {},
                 .objective = config.distill.objective};
  InputScope inputs;
  for (const std::string& t : options.teachers) {
    const size_t eq = t.find('=');
    if (eq == std::string::npos) throw Error("--teacher takes DOMAIN=DIR, not '" + t + "'");
    domain_of(config, t.substr(0, eq));
    for (const auto& [domain, dir] : job.teachers)
      if (domain == t.substr(0, eq))
        throw Error("--teacher " + domain + "= was given twice: " + dir + " and " +
                    t.substr(eq + 1));
    job.teachers.emplace_back(t.substr(0, eq), t.substr(eq + 1));
    inputs.teachers.push_back(job.teachers.back().second);
  }
  check_tokenizers(job.start_dir, inputs.teachers);
  return run_to_model(config, inputs, {.distill = true}, stage, "distill",
                      [&](RunContext& run) { return distill_plan(run, job); });
}

void EvalOptions::describe(OptionSet& options) {
  stage.describe(options, Need::kOptional);
  options.option("--domain", domain, "one domain; without it all of the config");
  options.flag("--all-rows", all_rows, "score the validation prompts as well");
}

int run_eval(const EvalOptions& options) {
  StageOptions stage = options.stage;
  const configs::RunConfig config = stage.load("eval", options.domain);
  if (!options.domain.empty()) domain_of(config, options.domain);
  for (const configs::DomainConfig& d : config.domains)
    if (options.domain.empty() || options.domain == d.name) require_sets(d, "eval", {.test = true});
  if (!stage.session.restart.empty())
    throw Error("--restart: eval has no stages; what it read before and reads now is compared");
  return run_interruptible(config, kAgain, [&] {
    InputFacts facts = check_inputs(config);
    announce_disk(config, {.eval = true});
    RunSession session(config, std::move(facts));
    claim_run_dir(config.run_dir, stage.model);
    const EvalRows rows = options.all_rows ? EvalRows::kAll : EvalRows::kTest;
    for (const configs::DomainConfig& d : config.domains)
      if (options.domain.empty() || options.domain == d.name)
        session.stage("eval-" + d.name, [&] {
          EvalProgress progress(d.name);
          if (evaluate_model(session.context(), d, kScored, config.model.path.string(), rows,
                             std::ref(progress)) == StageOutcome::kWasDone)
            log::say(log::Part::kRun,
                     d.name + ": scored before, and nothing that it read has changed");
        });
    write_results(config.run_dir, collect_results(session.store()));
    const std::vector<SetRow> sets = recorded_sets(session.store());
    for (const EvalRow& r : session.store().evals())
      if (is_asked(r, options))
        std::printf("%-12s %-18s %-16s mean of %s\n", r.domain.c_str(), r.metric.c_str(),
                    format_score(r.score).c_str(), set_text(counts_of(sets, r)).c_str());
    return 0;
  });
}

}  // namespace amalgam::pipeline
