#include "pipeline/stages/distill.h"

#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "configs/error.h"
#include "distill/step/distill_step.h"
#include "learner/optim/schedule.h"
#include "model/tokenizer/tokenizer.h"
#include "pipeline/data/forms/row_reader.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/run_store/results.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/stages/learner_figures.h"
#include "pipeline/stages/rl.h"
#include "pipeline/stages/row_teachers.h"
#include "pipeline/stages/sampling_stage.h"
#include "pipeline/stages/sft.h"
#include "proto/append_file.h"

namespace amalgam::pipeline {
namespace {

std::string candidate_stage(const std::string& model, double lr) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", lr);
  return candidate_prefix(model) + text;
}

SamplingSpec sampling_spec(const RunContext& run, const DistillJob& job, double lr) {
  const configs::DistillConfig& config = run.config.distill;
  SamplingSpec spec{.stage = candidate_stage(job.model, lr),
                    .start_dir = job.start_dir,
                    .out_dir = job.out_dir,
                    .stream = "distill",
                    .domains = job.domains,
                    .optim = config.optim,
                    .data = config.data,
                    .rollout = config.rollout,
                    .steps = config.steps,
                    .test_freq = config.test_freq,
                    .mtp_loss_weight = config.mtp_loss_weight};

  spec.optim.lr = lr;
  // Neither a judge nor what audits it chooses a step.
  if (std::any_of(job.domains.begin(), job.domains.end(),
                  [](const configs::DomainConfig* d) { return d->judge.is_on(); }))
    spec.choose = Choose::kLast;
  return spec;
}

// What teachers may take of this machine's memory.
distill::TeacherMemory teacher_memory(const RunContext& run) {
  const configs::DistillConfig& config = run.config.distill;
  const int64_t machine = inspect_machine().memory_bytes;
  const auto bytes = [](int64_t mib, int64_t otherwise) { return mib < 0 ? otherwise : mib << 20; };
  return {.weights_bytes = bytes(config.teacher_memory, machine / 4),
          .hidden_bytes = bytes(config.hidden_memory, machine / 8),
          .directory = run.run_dir};
}

class DistillStage : public SamplingStage {
 public:
  DistillStage(RunContext& run, const DistillJob& job, double lr)
      : SamplingStage(run, sampling_spec(run, job, lr)),
        objective_(job.objective),
        teachers_(job.teachers, training().trainer().network(), teacher_memory(run)) {
    for (const auto& [name, directory] : job.teachers) names_.insert(name);
    for (const configs::DomainConfig* d : job.domains) {
      domain_weights_[d->name] = numbered(domain_teachers(run.config, *d), "domain " + d->name);
      // What rows say is known to be there before the first token.
      const RowStore& rows = run.data().of(d->name).train.rows;
      for (size_t i = 0; i < rows.size(); ++i) (void)weights_of(*d, rows.json(i));
    }
  }

 private:
  // By number.
  distill::TeacherWeights numbered(const configs::Weights& weights,
                                   const std::string& whose) const {
    distill::TeacherWeights numbered;
    for (const auto& [name, weight] : weights) {
      if (weight > 0 && !names_.contains(name))
        throw Error("the teachers of " + whose + ": there is no model for '" + name +
                    "'; add --teacher " + name + "=DIR");
      if (weight > 0) numbered[teachers_.number(name)] += weight;
    }
    return numbered;
  }
  // Of a row, as JSON.
  distill::TeacherWeights weights_of(const configs::DomainConfig& domain, const std::string& json) {
    if (json.find("\"teachers\"") == std::string::npos) return domain_weights_.at(domain.name);
    const std::string where = "a row of domain " + domain.name;
    const auto own =
        row_teachers(context().config, domain, row_from_json(json, RowUse::kPrompt, where));
    return own ? numbered(*own, where) : domain_weights_.at(domain.name);
  }

  // While samples are written, the first teachers are read.
  void before_sampling(int64_t, std::vector<proto::SampleGroup>* groups) override {
    weights_.clear();
    std::set<size_t> needed;
    for (const proto::SampleGroup& g : *groups) {
      weights_.push_back(weights_of(*context().config.find_domain(g.meta().domain()), g.row()));
      for (const auto& [teacher, weight] : weights_.back()) needed.insert(teacher);
    }
    teachers_.begin({needed.begin(), needed.end()});
  }

  NamedValues learn(int64_t step, const std::vector<proto::Trajectory>& trajectories,
                    std::string* note) override {
    learner::Trainer& trainer = training().trainer();
    std::vector<distill::DistillSample> samples;
    for (const auto& t : trajectories)
      if (is_answer(t))
        samples.push_back({&t, &weights_.at(static_cast<size_t>(t.meta().group()))});
    const distill::DistillFigures f = distill::accumulate_distill_loss(
        trainer, teachers_, samples, {objective_, spec().rollout.temperature},
        context().config.distill.index_loss_coef, trainer.max_micro_tokens());
    const double lr = learner::learning_rate(spec().optim, step, spec().steps);
    const learner::StepReport report = trainer.step(lr);
    *note = "KL " + format_number(f.total().kl.value().value_or(kUnknown));
    NamedValues figures{{"actor/grad_norm", report.grad_norm}, {"actor/lr", lr}};
    add_figures(f, &figures);
    add_figure(kIndexLossMetric, trainer.index_loss(), &figures);
    add_figure(kMtpLossMetric, trainer.mtp_loss(), &figures);
    add_figure(kDiffMetric, f.probs_diff_max, &figures);
    return figures;
  }

  const configs::Objective objective_;
  distill::Teachers teachers_;
  std::set<std::string> names_;                                    // of teachers_
  std::map<std::string, distill::TeacherWeights> domain_weights_;  // by domain
  std::vector<distill::TeacherWeights> weights_;                   // by group of the step
};

}  // namespace

void check_tokenizers(const std::string& start_dir, const std::vector<std::string>& others) {
  const auto file = [](const std::string& directory) { return directory + "/tokenizer.json"; };
  const std::string text = proto::read_file(file(start_dir));
  const auto student = model::Tokenizer::from_json(text, file(start_dir));
  for (const std::string& directory : others) {
    if (!std::filesystem::exists(file(directory)))
      throw Error(directory + ": has no tokenizer.json; it must have that of " + start_dir);
    const std::string other = proto::read_file(file(directory));
    if (other == text) continue;
    const std::string difference =
        model::Tokenizer::from_json(other, file(directory)).first_difference(student);
    if (!difference.empty())
      throw Error(directory + ": its tokenizer is not that of " + start_dir + ": " + difference);
  }
}

std::vector<std::string> teacher_dirs(const DistillJob& job) {
  std::vector<std::string> directories;
  for (const auto& [domain, directory] : job.teachers) directories.push_back(directory);
  return directories;
}

std::string student_start_dir(const RunContext& run) {
  const configs::Path& student = run.config.distill.student;
  return student.empty() ? base_dir(run) : student.string();
}

DistillJob merging_job(RunContext& run, const std::string& model, const std::string& student_group,
                       configs::Objective objective) {
  const std::string name = merged_name(model, student_group);
  DistillJob job{.model = name,
                 .start_dir = student_start_dir(run),
                 .out_dir = run.path(name),
                 .domains = domains_of(run.config, student_group),
                 .teachers = {},
                 .objective = objective};
  for (const configs::DomainConfig& d : run.config.domains)
    job.teachers.emplace_back(d.name, specialist_dir(run, d.name));
  for (const configs::TeacherConfig& t : run.config.teachers)
    job.teachers.emplace_back(t.name, t.path.string());
  return job;
}

void run_distillation(RunContext& run, const DistillJob& job) {
  if (std::filesystem::exists(job.out_dir)) return;
  const configs::DistillConfig& config = run.config.distill;
  std::vector<double> candidates = config.lr_candidates;
  if (candidates.empty()) candidates = {config.optim.lr};
  check_tokenizers(job.start_dir, teacher_dirs(job));
  if (!config.student.empty())  // prompts are written in the base's
    check_tokenizers(base_dir(run), {config.student.string()});
  double best_lr = candidates[0], best_score = kUnknown;
  if (candidates.size() > 1)
    for (const double lr : candidates) {
      const int64_t end = std::min(config.sweep_steps, config.steps);
      // Known already where a resumed run is past it.
      const auto known = BestCheckpoint(run, candidate_stage(job.model, lr));
      const double score = known.has(end) ? known.score(end) : DistillStage(run, job, lr).run(end);
      run.store.record_sweep({job.model, kLearningRate, lr, {.mean = score}});
      if (!(score <= best_score)) best_lr = lr, best_score = score;
    }
  for (const double lr : candidates)
    if (lr != best_lr)
      std::filesystem::remove_all(run.path("checkpoints/" + candidate_stage(job.model, lr)));
  DistillStage stage(run, job, best_lr);
  stage.run(config.steps);
  stage.finish();
}

}  // namespace amalgam::pipeline
