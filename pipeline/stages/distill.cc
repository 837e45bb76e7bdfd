#include "pipeline/stages/distill.h"

#include <cmath>
#include <filesystem>
#include <set>

#include "configs/error.h"
#include "distill/step/distill_step.h"
#include "learner/optim/schedule.h"
#include "model/tokenizer/tokenizer.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/run_store/results.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/stages/learner_figures.h"
#include "pipeline/stages/prompt_teachers.h"
#include "pipeline/stages/rate_choice.h"
#include "pipeline/stages/reward_figures.h"
#include "pipeline/stages/rl.h"
#include "pipeline/stages/sample_advantages.h"
#include "pipeline/stages/sampling_stage.h"
#include "pipeline/stages/sft.h"
#include "proto/append_file.h"

namespace amalgam::pipeline {
namespace {

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
      : SamplingStage(run, merging_spec(run, job, lr)),
        objective_{job.objective, job.parameters, run.config.distill.rollout.temperature},
        prompt_teachers_(run, job),
        teachers_(job.teachers, training().trainer().network(), teacher_memory(run)) {}

 private:
  // While samples are written, the first teachers are read.
  void before_sampling(int64_t, std::vector<proto::SampleGroup>* groups) override {
    weights_.clear();
    std::set<size_t> needed;
    for (const proto::SampleGroup& g : *groups) {
      distill::TeacherWeights& numbered = weights_.emplace_back();
      for (const auto& [name, weight] : prompt_teachers_.of(g.meta().domain(), g.row()))
        if (weight > 0) numbered[teachers_.number(name)] += weight;
      for (const auto& [teacher, weight] : numbered) needed.insert(teacher);
    }
    teachers_.begin({needed.begin(), needed.end()});
  }

  NamedValues learn(int64_t step, const std::vector<proto::Trajectory>& trajectories,
                    std::string* note) override {
    learner::Trainer& trainer = training().trainer();
    const bool rewarded = objective_.parameters.reward_coef > 0;
    std::vector<double> advantages(trajectories.size());
    if (rewarded)
      advantages = sample_advantages(
          trajectories, [&](size_t i) { return trajectories[i].meta().reward(); },
          learner::AdvantageScale::kNone);
    std::vector<distill::DistillSample> samples;
    for (size_t i = 0; i < trajectories.size(); ++i) {
      const proto::Trajectory& t = trajectories[i];
      if (is_answer(t))
        samples.push_back({&t, &weights_.at(static_cast<size_t>(t.meta().group())), advantages[i]});
    }
    const distill::DistillFigures f = distill::accumulate_distill_loss(
        trainer, teachers_, samples, objective_, context().config.distill.index_loss_coef,
        trainer.max_micro_tokens());
    const double lr = learner::learning_rate(spec().optim, step, spec().steps);
    const learner::StepReport report = trainer.step(lr);
    *note = "KL " + format_number(f.total().kl.value().value_or(kUnknown));
    NamedValues figures{{"actor/grad_norm", report.grad_norm}, {"actor/lr", lr}};
    add_figures(f, &figures);
    if (rewarded) {
      learner::Mean reward;
      for (const auto& s : samples) reward.add(s.trajectory->meta().reward());
      add_figure("critic/score/mean", reward.value(), &figures);
      add_reward_figures(trajectories, &figures);
    }
    add_figure(kIndexLossMetric, trainer.index_loss(), &figures);
    add_figure(kMtpLossMetric, trainer.mtp_loss(), &figures);
    add_figure(kDiffMetric, f.probs_diff_max, &figures);
    return figures;
  }

  const distill::DistillObjective objective_;
  const PromptTeachers prompt_teachers_;
  distill::Teachers teachers_;
  std::vector<distill::TeacherWeights> weights_;  // by group of the step
};

}  // namespace

SamplingSpec merging_spec(const RunContext& run, const DistillJob& job, double lr) {
  const configs::DistillConfig& config = run.config.distill;
  SamplingSpec spec{.stage = rate_stage(job.model, lr),
                    .start_dir = job.start_dir,
                    .out_dir = job.out_dir,
                    .stream = kMergingStream,
                    .domains = job.domains,
                    .optim = config.optim,
                    .data = config.data,
                    .rollout = config.rollout,
                    .steps = config.steps,
                    .test_freq = config.test_freq,
                    .mtp_loss_weight = config.mtp_loss_weight,
                    .score = job.parameters.reward_coef > 0};

  spec.optim.lr = lr;
  // Neither a judge nor what audits it chooses a step.
  if (std::any_of(job.domains.begin(), job.domains.end(),
                  [](const configs::DomainConfig* d) { return d->judge.is_on(); }))
    spec.choose = Choose::kLast;
  return spec;
}

RateChoice rate_choice(const configs::DistillConfig& config, const DistillJob& job) {
  return {.model = job.model,
          .out_dir = job.out_dir,
          .rates = job.learning_rates.empty() ? distillation_rates(config) : job.learning_rates,
          .steps = config.steps,
          .sweep_steps = config.sweep_steps};
}

void check_start(const RunContext& run, const std::string& start_dir) {
  if (start_dir != base_dir(run)) check_tokenizers(base_dir(run), {start_dir});
}

void check_job(const RunContext& run, const DistillJob& job) {
  check_tokenizers(job.start_dir, teacher_dirs(job));
  check_start(run, job.start_dir);
}

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
                       configs::Objective objective,
                       const configs::ObjectiveParameters& parameters) {
  const std::string name = merged_name(model, student_group);
  DistillJob job{.model = name,
                 .start_dir = student_start_dir(run),
                 .out_dir = run.path(name),
                 .domains = domains_of(run.config, student_group),
                 .teachers = {},
                 .objective = objective,
                 .parameters = parameters};
  for (const configs::DomainConfig& d : run.config.domains)
    job.teachers.emplace_back(d.name, specialist_dir(run, d.name));
  for (const configs::TeacherConfig& t : run.config.teachers)
    job.teachers.emplace_back(t.name, t.path.string());
  return job;
}

std::vector<double> distillation_rates(const configs::DistillConfig& config) {
  return config.lr_candidates.empty() ? std::vector<double>{config.optim.lr} : config.lr_candidates;
}

void run_distillation(RunContext& run, const DistillJob& job) {
  if (std::filesystem::exists(job.out_dir)) return;
  check_job(run, job);
  train_with_best_rate(run, rate_choice(run.config.distill, job),
                       [&](double lr) { return std::make_unique<DistillStage>(run, job, lr); });
}

}  // namespace amalgam::pipeline
