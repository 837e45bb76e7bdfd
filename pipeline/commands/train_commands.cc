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
#include "pipeline/run_store/judge_results.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/run_store/results.h"
#include "pipeline/run_store/set_counts.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/stages/disk.h"
#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/eval.h"
#include "pipeline/stages/inputs_check.h"
#include "pipeline/stages/plans.h"
#include "pipeline/stages/run_dirs.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;

// The domains of one specialist.
Domains specialist_of(const configs::RunConfig& config, const DomainOptions& options) {
  const Domains domains = named_domains(config, options.domain, options.effort);
  const Domains of_one = specialist_domains(config, *domains[0]);
  if (domains == of_one) return domains;
  if (of_one.size() > 1)
    throw Error("domain '" + options.domain +
                "' has one policy for all efforts (specialists = \"one\"); leave --effort out");
  std::string modes;
  for (const configs::DomainConfig* d : domains)
    modes += (modes.empty() ? "" : ", ") + d->effort_mode();
  throw Error("domain '" + options.domain +
              "' has a specialist for each of its efforts: add --effort, one of " + modes);
}

// Of all domains where none is named.
Domains asked_domains(const configs::RunConfig& config, const DomainOptions& options) {
  if (options.domain.empty() && options.effort.empty()) return domains_of(config, "");
  if (!options.domain.empty()) return named_domains(config, options.domain, options.effort);
  Domains all;
  for (const configs::DomainConfig& d : config.domains)
    if (d.effort_mode() == options.effort) all.push_back(&d);
  if (all.empty()) throw Error("no domain of the config has the effort '" + options.effort + "'");
  return all;
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

bool is_asked(const EvalRow& row, const Domains& domains, const EvalOptions& options) {
  return std::any_of(domains.begin(), domains.end(),
                     [&](const auto* d) { return row.domain == d->name; }) &&
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

void DomainOptions::describe(OptionSet& options, Need need) {
  options.option(
      "--domain", domain,
      need == Need::kRequired ? "domain of the config" : "one domain; without it all of the config",
      need);
  options.option("--effort", effort,
                 "one of the domain's efforts: none, low, high, max, a number or b21-40");
}

void SftOptions::describe(OptionSet& options) {
  stage.describe(options, Need::kRequired);
  domain.describe(options, Need::kRequired);
}

int run_sft(const SftOptions& options) {
  StageOptions stage = options.stage;
  const configs::RunConfig config = stage.load("sft", options.domain.name());
  const Domains domains = specialist_of(config, options.domain);
  const configs::DomainConfig& domain = *domains[0];
  if (domain.sft.steps == 0) throw Error("sft.steps is 0; say how many, for example sft.steps=200");
  return run_to_model(config, {.examples_of = &domain}, {.sft_of = &domain}, stage,
                      "sft-" + specialist_name(domain), [&](RunContext& run) {
                        return sft_plan(run, domain, config.model.path.string(), stage.out);
                      });
}

void RlOptions::describe(OptionSet& options) {
  stage.describe(options, Need::kRequired);
  domain.describe(options, Need::kRequired);
}

int run_rl(const RlOptions& options) {
  StageOptions stage = options.stage;
  const configs::RunConfig config = stage.load("rl", options.domain.name());
  const Domains domains = specialist_of(config, options.domain);
  for (const configs::DomainConfig* d : domains)
    require_sets(*d, "rl", {.train = true, .validation = d->rl.test_freq > 0});
  const configs::DomainConfig& domain = *domains[0];
  const RlJob job{specialist_stage(specialist_name(domain)), config.model.path.string(), stage.out};
  return run_to_model(config, {}, {.rl_of = &domain}, stage, job.stage,
                      [&](RunContext& run) { return rl_plan(run, domain, job); });
}

void DistillOptions::describe(OptionSet& options) {
  stage.describe(options, Need::kRequired);
  options.option("--teacher", teachers,
                 "DOMAIN=DIR; once for each domain of the config; of a domain with efforts "
                 "DOMAIN-EFFORT=DIR; beside them the config's [[teacher]] tables",
                 Need::kRequired);
  options.option("--domain", domain, "prompts of this domain alone, of all its efforts");
}

int run_distill(const DistillOptions& options) {
  StageOptions stage = options.stage;
  const configs::RunConfig config = stage.load("distill", options.domain);
  const Domains domains =
      options.domain.empty() ? domains_of(config, "") : named_domains(config, options.domain, "");
  if (options.domain.empty() && student_groups(config).size() > 1)
    throw Error("distill.students is per_domain: add --domain");
  for (const configs::DomainConfig* d : domains)
    require_sets(*d, "distill", {.train = true, .validation = config.distill.test_freq > 0});
  DistillJob job{.model = kStudent,
                 .start_dir = config.model.path.string(),
                 .out_dir = stage.out,
                 .domains = domains,
                 .teachers = {},
                 .objective = config.distill.objective,
                 .parameters = config.distill.parameters};
  InputScope inputs;
  for (const std::string& t : options.teachers) {
    const size_t eq = t.find('=');
    if (eq == std::string::npos) throw Error("--teacher takes DOMAIN=DIR, not '" + t + "'");
    if (!config.find_domain(t.substr(0, eq)))
      throw Error("--teacher: the config has no domain '" + t.substr(0, eq) +
                  "'; teachers beside the specialists are [[teacher]] tables");
    for (const auto& [domain, dir] : job.teachers)
      if (domain == t.substr(0, eq))
        throw Error("--teacher " + domain + "= was given twice: " + dir + " and " +
                    t.substr(eq + 1));
    job.teachers.emplace_back(t.substr(0, eq), t.substr(eq + 1));
    inputs.teachers.push_back(job.teachers.back().second);
  }
  for (const configs::TeacherConfig& t : config.teachers)
    job.teachers.emplace_back(t.name, t.path.string());
  check_tokenizers(job.start_dir, inputs.teachers);
  return run_to_model(config, inputs, {.distill = true}, stage, "distill",
                      [&](RunContext& run) { return distill_plan(run, job); });
}

void EvalOptions::describe(OptionSet& options) {
  stage.describe(options, Need::kOptional);
  domain.describe(options, Need::kOptional);
  options.option("--max-thinking-tokens", max_thinking_tokens,
                 "eval.max_thinking_tokens: tokens of reasoning, then </think> is put there; 0 = "
                 "no limit");
  options.flag("--all-rows", all_rows, "score the validation prompts as well");
}

int run_eval(const EvalOptions& options) {
  StageOptions stage = options.stage;
  if (!options.max_thinking_tokens.empty())
    stage.session.config.overrides.push_back("eval.max_thinking_tokens=" +
                                             options.max_thinking_tokens);
  const configs::RunConfig config = stage.load("eval", options.domain.name());
  for (const configs::DomainConfig* d : asked_domains(config, options.domain))
    require_sets(*d, "eval", {.test = true});
  for (const configs::DomainConfig* d : asked_domains(config, options.domain))
    if (d->judge.is_on() && !d->judge.is_policy() && d->judge.model.empty())
      throw Error("domain '" + d->name +
                  "': judge.weights = \"base\" is of a run; eval knows no base, give judge.model = "
                  "DIR");
  if (!stage.session.restart.empty())
    throw Error("--restart: eval has no stages; what it read before and reads now is compared");
  return run_interruptible(config, kAgain, [&] {
    InputFacts facts = check_inputs(config);
    announce_disk(config, {.eval = true});
    RunSession session(config, std::move(facts));
    claim_run_dir(config.run_dir, stage.model);
    const EvalRows rows = options.all_rows ? EvalRows::kAll : EvalRows::kTest;
    const Domains domains = asked_domains(session.context().config, options.domain);
    for (const configs::DomainConfig* d : domains)
      session.stage("eval-" + d->name, [&] {
        EvalProgress progress(d->name);
        if (evaluate_model(session.context(), *d, kScored, config.model.path.string(), rows,
                           std::ref(progress)) == StageOutcome::kWasDone)
          log::say(log::Part::kRun,
                   d->name + ": scored before, and nothing that it read has changed");
      });
    const Results results = collect_results(session.store());
    write_results(config.run_dir, results);
    const std::vector<SetRow> sets = recorded_sets(session.store());
    for (const EvalRow& r : session.store().evals())
      if (is_asked(r, domains, options) && !r.metric.starts_with(kWithinMetricPrefix))
        std::printf("%-14s %-28s %-16s mean of %s\n", r.domain.c_str(), r.metric.c_str(),
                    format_score(r.score).c_str(), set_text(counts_of(sets, r)).c_str());
    std::printf("%s%s", efforts_text(results.efforts, results.models).c_str(),
                judges_text(results).c_str());
    return 0;
  });
}

}  // namespace amalgam::pipeline
