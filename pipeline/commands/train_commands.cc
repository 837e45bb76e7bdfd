#include "pipeline/commands/train_commands.h"

#include <cstdio>
#include <filesystem>
#include <functional>

#include "configs/error.h"
#include "configs/format.h"
#include "configs/log/log.h"
#include "learner/optim/schedule.h"
#include "model/network/model_config.h"
#include "pipeline/run_store/results.h"
#include "pipeline/run_store/set_counts.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/stages/distill.h"
#include "pipeline/stages/eval.h"
#include "pipeline/stages/inputs_check.h"
#include "pipeline/stages/rl.h"
#include "pipeline/stages/sft.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;

const configs::DomainConfig& domain_of(const configs::RunConfig& config, const std::string& name) {
  const configs::DomainConfig* d = config.find_domain(name);
  if (!d) throw Error("the config has no domain '" + name + "'");
  return *d;
}

void require_free(const std::string& out) {
  if (fs::exists(out)) throw Error(out + " exists already; choose another --out");
}

const char kAgain[] = "the same command continues";

// The one stage of a command that makes a model.
int run_to_model(const configs::RunConfig& config, const InputScope& inputs,
                 const std::string& stage, const std::string& out,
                 const std::function<void(RunContext&)>& f) {
  return run_interruptible(kAgain, [&] {
    check_inputs(config, inputs);
    RunSession session(config);
    open_run_dir(config, /*resume=*/true);
    session.stage(stage, [&] { f(session.context()); });
    std::printf("%s\n", out.c_str());
    return 0;
  });
}

}  // namespace

void StageOptions::describe(OptionSet& options, Need out_need) {
  session.describe(options);
  options.option("--model", model, "Hugging Face directory with a tokenizer", Need::kRequired);
  if (out_need == Need::kRequired)
    options.option("--out", out, "model directory to write", Need::kRequired);
}

void StageOptions::tidy() {
  for (std::string* path : {&model, &out})
    while (path->size() > 1 && path->back() == '/') path->pop_back();
}

configs::RunConfig StageOptions::load() {
  tidy();
  // As a key of the config, so that what is checked there is checked of this model.
  session.config.overrides.push_back(
      "model={path=" + configs::format_value(fs::absolute(model).string()) + "}");
  configs::RunConfig config = session.load();
  if (session.config.run_dir.empty()) config.run_dir = (out.empty() ? model : out) + ".run";
  return config;
}

void SftOptions::describe(OptionSet& options) {
  stage.describe(options, Need::kRequired);
  options.option("--domain", domain, "domain of the config", Need::kRequired);
}

int run_sft(const SftOptions& options) {
  StageOptions stage = options.stage;
  const configs::RunConfig config = stage.load();
  const configs::DomainConfig& domain = domain_of(config, options.domain);
  require_free(stage.out);
  if (domain.sft.steps == 0) throw Error("sft.steps is 0; say how many, for example sft.steps=200");
  return run_to_model(
      config, {.examples_of = &domain}, "sft-" + domain.name, stage.out,
      [&](RunContext& run) { run_domain_sft(run, domain, stage.model, stage.out); });
}

void RlOptions::describe(OptionSet& options) {
  stage.describe(options, Need::kRequired);
  options.option("--domain", domain, "domain of the config", Need::kRequired);
}

int run_rl(const RlOptions& options) {
  StageOptions stage = options.stage;
  const configs::RunConfig config = stage.load();
  const configs::DomainConfig& domain = domain_of(config, options.domain);
  require_free(stage.out);
  const std::string name = "rl-" + domain.name;
  return run_to_model(config, {}, name, stage.out, [&](RunContext& run) {
    run_rl_job(run, domain, {name, stage.model, stage.out});
  });
}

void DistillOptions::describe(OptionSet& options) {
  stage.describe(options, Need::kRequired);
  options.option("--teacher", teachers, "DOMAIN=DIR; once for each domain of the config",
                 Need::kRequired);
}

int run_distill(const DistillOptions& options) {
  StageOptions stage = options.stage;
  const configs::RunConfig config = stage.load();
  require_free(stage.out);
  DistillJob job{.stage = "distill",
                 .start_dir = stage.model,
                 .out_dir = stage.out,
                 .teachers = {},
                 .objective = config.distill.objective,
                 .lr = config.distill.optim.lr};
  InputScope inputs;
  for (const std::string& t : options.teachers) {
    const size_t eq = t.find('=');
    if (eq == std::string::npos) throw Error("--teacher takes DOMAIN=DIR, not '" + t + "'");
    domain_of(config, t.substr(0, eq));
    job.teachers.emplace_back(t.substr(0, eq), t.substr(eq + 1));
    inputs.teachers.push_back(job.teachers.back().second);
  }
  check_tokenizers(job);
  return run_to_model(config, inputs, job.stage, stage.out,
                      [&](RunContext& run) { run_distill_job(run, job); });
}

void EvalOptions::describe(OptionSet& options) {
  stage.describe(options, Need::kOptional);
  options.option("--domain", domain, "one domain; without it all of the config");
  options.flag("--all-rows", all_rows, "score the validation prompts as well");
}

int run_eval(const EvalOptions& options) {
  StageOptions stage = options.stage;
  const configs::RunConfig config = stage.load();
  if (!options.domain.empty()) domain_of(config, options.domain);
  return run_interruptible(kAgain, [&] {
    check_inputs(config);
    RunSession session(config);
    open_run_dir(config, /*resume=*/true);
    for (const configs::DomainConfig& d : config.domains) {
      if (!options.domain.empty() && options.domain != d.name) continue;
      const DomainSets& sets = session.context().data().of(d.name);
      log::say(log::Part::kData,
               d.name + ": " + std::to_string(sets.test.rows.size()) + " test rows; " +
                   std::to_string(sets.validation.rows.size()) + " are validation's" +
                   (options.all_rows ? " and scored too" : " (--all-rows scores them too)"));
      session.stage("eval-" + d.name, [&] {
        evaluate_model(session.context(), d, "model", stage.model,
                       options.all_rows ? EvalRows::kAll : EvalRows::kTest);
      });
    }
    const std::vector<SetRow> sets = recorded_sets(session.store());
    for (const EvalRow& r : session.store().evals())
      std::printf("%-12s %-18s %-16s mean of %s\n", r.domain.c_str(), r.metric.c_str(),
                  format_score(r.score).c_str(), set_text(counts_of(sets, r)).c_str());
    return 0;
  });
}

}  // namespace amalgam::pipeline
