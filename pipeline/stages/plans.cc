#include "pipeline/stages/plans.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "pipeline/run_store/results.h"
#include "pipeline/run_store/trajectory_log.h"
#include "pipeline/stages/compare.h"
#include "pipeline/stages/sampling_stage.h"
#include "pipeline/stages/sft.h"
#include "pipeline/stages/training_job.h"
#include "pipeline/stages/validation.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;

using Extensible = std::function<std::string(int64_t, int64_t)>;

std::string key_of(const configs::DomainConfig& domain, const std::string& key) {
  return "domain." + domain.name + "." + key;
}

// What a stage leaves: jobs that train or sample under a name, and directories.
using Jobs = std::function<std::vector<std::string>()>;

bool has_reward(const std::string& log) {
  bool found = false;
  if (fs::exists(log))
    for_each_trajectory(log, [&](int64_t, const proto::Trajectory& t) {
      found = t.meta().has_reward();
      return !found;
    });
  return found;
}

// `compared`: the model for which candidates were compared, if any.
void add_traces(RunContext& run, const Jobs& jobs, const std::vector<std::string>& directories,
                StagePlan* plan, const std::string& compared = "") {
  plan->has_begun = [&run, jobs, directories] {
    const auto exists = [](const std::string& path) { return fs::exists(path); };
    if (std::any_of(directories.begin(), directories.end(), exists)) return true;
    for (const std::string& job : jobs())
      if (exists(run.path("checkpoints/" + job)) || exists(trajectory_log_path(run.run_dir, job)) ||
          exists(trajectory_log_path(run.run_dir, validation_stage(job))))
        return true;
    return false;
  };
  plan->has_scores = [&run, jobs] {
    for (const std::string& job : jobs()) {
      if (run.store.has_reward(job) || has_reward(trajectory_log_path(run.run_dir, job)) ||
          has_reward(trajectory_log_path(run.run_dir, validation_stage(job))))
        return true;
      // What a judge said is a score before it is a reward.
      for (const std::string& verdicts : verdict_stages(run.config, job))
        if (const std::string log = trajectory_log_path(run.run_dir, verdicts);
            fs::exists(log) && fs::file_size(log) > 0)
          return true;
    }
    return false;
  };
  plan->forget = [&run, jobs, directories, compared] {
    run.store.forget_sweep(compared);
    for (const std::string& job : jobs()) forget_job(run, job);
    for (const std::string& directory : directories) fs::remove_all(directory);
  };
}

Jobs these(const std::vector<std::string>& jobs) {
  return [jobs] { return jobs; };
}

// More steps, where they follow those that were made: the state is there, and says the same.
Extensible more_steps(RunContext& run, const std::string& stage, const std::string& out_dir,
                      const configs::OptimConfig& optim, int64_t test_freq) {
  return [&run, stage, out_dir, optim, test_freq](int64_t before, int64_t) -> std::string {
    const std::string why = why_not_longer(optim, test_freq, before);
    if (!why.empty()) return why;
    return fs::exists(out_dir) && !fs::exists(run.state_path(stage))
               ? "its training state is no longer there"
               : "";
  };
}

// The same of RL, for each domain of the specialist.
std::map<std::string, Extensible> more_rl_steps(RunContext& run,
                                                const configs::DomainConfig& domain,
                                                const std::string& stage, const std::string& out) {
  std::map<std::string, Extensible> keys;
  for (const configs::DomainConfig* d : specialist_domains(run.config, domain))
    keys[key_of(*d, "rl.steps")] =
        more_steps(run, stage, out, domain.rl.optim, domain.rl.test_freq);
  return keys;
}

// Training names that belong to it: one a learning rate.
std::vector<std::string> candidates_of(RunContext& run, const std::string& model) {
  const std::string prefix = candidate_prefix(model);
  std::set<std::string> names;
  for (const std::string& stage : run.store.metric_stages())
    if (stage.starts_with(prefix)) names.insert(stage);
  if (fs::exists(run.path("checkpoints")))
    for (const auto& entry : fs::directory_iterator(run.path("checkpoints")))
      if (const std::string name = entry.path().filename(); name.starts_with(prefix))
        names.insert(name);
  return {names.begin(), names.end()};
}

// The candidate that was chosen is the one whose state was kept.
std::string chosen_candidate(RunContext& run, const std::string& model) {
  for (const std::string& stage : candidates_of(run, model))
    if (fs::exists(run.state_path(stage))) return stage;
  return candidate_prefix(model);
}

// `keys` of [distill].
void add_merging(const Domains& domains, const std::vector<std::string>& keys,
                 StageInputs* inputs) {
  inputs->add_common();
  inputs->add_prompts();
  inputs->add_keys(keys);
  if (std::find(keys.begin(), keys.end(), "distill.") != keys.end()) inputs->add_keys({"teacher."});
  for (const configs::DomainConfig* d : domains) {
    inputs->add_scoring(d->name);
    inputs->add_keys({key_of(*d, "rl.val_prompts"), key_of(*d, "windows")});
  }
}

// The start and the specialists, as the run's own stages or its config give them.
void add_parents(RunContext& run, StageInputs* inputs) {
  inputs->add_model("base", base_dir(run), run.config.model.path.empty() ? "base" : "");
  for (const configs::DomainConfig* d : one_of_each_specialist(run.config))
    inputs->add_model("specialist-" + specialist_name(*d), specialist_dir(run, d->name),
                      d->specialist.empty() ? specialist_stage(specialist_name(*d)) : "");
}

// `output`: what the record calls the model that it makes.
// `make` trains it, with rates of `optim`.
StagePlan distillation(RunContext& run, const std::string& stage, const std::string& output,
                       const std::function<void()>& make, const std::string& model,
                       const std::string& out_dir, const configs::OptimConfig& optim,
                       std::vector<Input> inputs) {
  const configs::DistillConfig& distill = run.config.distill;
  const auto steps = [&run, model, out_dir, &distill, &optim](int64_t before,
                                                              int64_t now) -> std::string {
    if (distill.lr_candidates.size() > 1 && before < distill.sweep_steps)
      return "the learning rates were compared over fewer steps than sweep_steps";
    return more_steps(run, chosen_candidate(run, model), out_dir, optim, distill.test_freq)(before,
                                                                                            now);
  };
  StagePlan plan{
      .name = stage,
      .inputs = std::move(inputs),
      .outputs = {{output, out_dir}},
      .extensible = {{"distill.steps", steps}},
      .reopen = [&run, model,
                 out_dir] { BestCheckpoint(run, chosen_candidate(run, model)).reopen(out_dir); },
      .run = make};
  add_traces(
      run, [&run, model] { return candidates_of(run, model); }, {out_dir}, &plan, model);
  return plan;
}

}  // namespace

StagePlan base_plan(RunContext& run) {
  StageInputs inputs = run.inputs();
  inputs.add_common();
  inputs.add_keys({"model.", "tokenizer.", "base."});
  inputs.add_prompts();
  StagePlan plan{.name = "base",
                 .inputs = inputs.take(),
                 .outputs = {{"base", run.path("base")}},
                 .run = [&run] { run_base_stage(run); }};
  add_traces(run, these({"base", "index-warmup-base"}),
             {run.path("base"), run.path("tokenizer"), run.path("checkpoints/init"),
              run.path("checkpoints/warm-base")},
             &plan);
  return plan;
}

StagePlan specialist_plan(RunContext& run, const configs::DomainConfig& domain) {
  const std::string name = specialist_name(domain), stage = specialist_stage(name),
                    sft = "sft-" + name, out = specialist_dir(run, domain.name);
  StageInputs inputs = run.inputs();
  inputs.add_common();
  inputs.add_prompts();
  for (const configs::DomainConfig* d : specialist_domains(run.config, domain)) {
    inputs.add_keys({key_of(*d, "rl."), key_of(*d, "sft."), key_of(*d, "windows")});
    inputs.add_scoring(d->name);
  }
  inputs.add_model("base", base_dir(run), run.config.model.path.empty() ? "base" : "");
  StagePlan plan{.name = stage,
                 .inputs = inputs.take(),
                 .outputs = {{"specialist-" + name, out}},
                 .extensible = more_rl_steps(run, domain, stage, out),
                 .reopen = [&run, stage, out] { BestCheckpoint(run, stage).reopen(out); },
                 .run = [&run, &domain] { run_specialist_stage(run, domain); }};
  add_traces(run, these({stage, sft, "index-warmup-" + sft}),
             {out, run.path("checkpoints/cold-start-" + name), run.path("checkpoints/warm-" + sft)},
             &plan);
  return plan;
}

StagePlan student_plan(RunContext& run, const std::string& group) {
  StageInputs inputs = run.inputs();
  add_merging(domains_of(run.config, group), {"distill."}, &inputs);
  add_parents(run, &inputs);
  const std::string name = merged_name(kStudent, group);
  const auto make = [&run, group] {
    run_distillation(run, merging_job(run, kStudent, group, run.config.distill.objective,
                                      run.config.distill.parameters));
  };
  return distillation(run, merged_name("distill", group), name, make, name, run.path(name),
                      run.config.distill.optim, inputs.take());
}

StagePlan comparison_plan(RunContext& run, const configs::CompareConfig& compare,
                          const std::string& group) {
  const std::string name = merged_name(compare.name, group), stage = "compare-" + name;
  const Domains domains = domains_of(run.config, group);
  const bool is_merge = configs::is_merge(compare.method),
             is_rl = compare.method == configs::Method::kMixedRl;
  StageInputs inputs = run.inputs();
  add_merging(
      domains,
      is_merge ? std::vector<std::string>{"distill.data.", "distill.rollout.", "distill.test_freq"}
               : std::vector<std::string>{"distill."},
      &inputs);
  if (is_rl) inputs.add_keys({"rl."});
  for (const configs::DomainConfig* d : domains)
    if (is_rl) inputs.add_keys({key_of(*d, "rl.length_penalty.")});
  inputs.add_keys({"compare." + compare.name + "."});
  add_parents(run, &inputs);
  const auto make = [&run, &compare, group] { run_comparison(run, compare, group); };
  if (!is_merge)
    return distillation(run, stage, name, make, name, run.path(name),
                        is_rl ? run.config.rl.optim : run.config.distill.optim, inputs.take());
  // The default list is as long as the student's.
  inputs.add_number("candidates of the student", run.config.num_candidates(),
                    merged_name("distill", group));
  StagePlan plan{
      .name = stage, .inputs = inputs.take(), .outputs = {{name, run.path(name)}}, .run = make};
  add_traces(run, these({stage}), {run.path(name)}, &plan, name);
  return plan;
}

StagePlan sft_plan(RunContext& run, const configs::DomainConfig& domain,
                   const std::string& start_dir, const std::string& out_dir) {
  const std::string stage = "sft-" + specialist_name(domain);
  StageInputs inputs = run.inputs();
  inputs.add_common();
  inputs.add_prompts();
  for (const configs::DomainConfig* d : specialist_domains(run.config, domain))
    inputs.add_keys({key_of(*d, "sft.")});
  inputs.add_model("of --model", start_dir);
  StagePlan plan{.name = stage,
                 .inputs = inputs.take(),
                 .outputs = {{"--out", out_dir}},
                 .run = [&run, &domain, start_dir, out_dir] {
                   run_domain_sft(run, domain, start_dir, out_dir);
                 }};
  add_traces(run, these({stage, "index-warmup-" + stage}),
             {out_dir, run.path("checkpoints/warm-" + stage)}, &plan);
  return plan;
}

StagePlan rl_plan(RunContext& run, const configs::DomainConfig& domain, const RlJob& job) {
  StageInputs inputs = run.inputs();
  inputs.add_common();
  inputs.add_prompts();
  for (const configs::DomainConfig* d : specialist_domains(run.config, domain)) {
    inputs.add_keys({key_of(*d, "rl."), key_of(*d, "windows")});
    inputs.add_scoring(d->name);
  }
  inputs.add_model("of --model", job.start_dir);
  StagePlan plan{.name = job.stage,
                 .inputs = inputs.take(),
                 .outputs = {{"--out", job.out_dir}},
                 .extensible = more_rl_steps(run, domain, job.stage, job.out_dir),
                 .reopen = [&run, job] { BestCheckpoint(run, job.stage).reopen(job.out_dir); },
                 .run = [&run, &domain, job] { run_rl_job(run, domain, job); }};
  add_traces(run, these({job.stage}), {job.out_dir}, &plan);
  return plan;
}

StagePlan distill_plan(RunContext& run, const DistillJob& job) {
  StageInputs inputs = run.inputs();
  add_merging(job.domains, {"distill."}, &inputs);
  inputs.add_model("of --model", job.start_dir);
  for (const auto& [domain, directory] : job.teachers)
    inputs.add_model("of --teacher " + domain, directory);
  return distillation(
      run, "distill", "--out", [&run, job] { run_distillation(run, job); }, job.model, job.out_dir,
      run.config.distill.optim, inputs.take());
}

}  // namespace amalgam::pipeline
