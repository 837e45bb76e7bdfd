#include "pipeline/stages/distill.h"

#include <chrono>
#include <cmath>
#include <filesystem>

#include "configs/error.h"
#include "distill/step/distill_step.h"
#include "learner/optim/schedule.h"
#include "pipeline/data/prompt_order.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/metrics.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/run_store/results.h"
#include "pipeline/stages/learner_figures.h"
#include "pipeline/stages/model_files.h"
#include "pipeline/stages/rl.h"
#include "pipeline/stages/sampling.h"
#include "pipeline/stages/sft.h"
#include "pipeline/stages/training_job.h"
#include "pipeline/stages/validation.h"
#include "rollout/engine/streams.h"

namespace amalgam::pipeline {
namespace {

using Clock = std::chrono::steady_clock;
constexpr uint64_t kUsePromptOrder = 11;
// The seed material of all distillation runs: student, baseline and every candidate of the sweep
// see the same prompts with the same keys.
const char kSharedStream[] = "distill";

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

struct DistillDomain {
  std::string name;
  distill::TeacherWeights teachers;
  std::vector<PromptRow> train, held_out;
};

class DistillStage {
 public:
  DistillStage(RunContext& run, const DistillJob& job)
      : run_(run),
        job_(job),
        config_(run.config.distill),
        training_(run, job.stage, job.start_dir, config_.optim),
        tokenizer_dir_(tokenizer_dir(run)),
        log_(trajectory_log_path(run.run_dir, job.stage)),
        best_(run, job.stage),
        budget_(budget_of(config_.data, config_.rollout)) {
    const model::Tokenizer tokenizer = model::Tokenizer::load(tokenizer_dir_);
    for (const configs::DomainConfig& d : run.config.domains) {
      DistillDomain domain{
          .name = d.name, .teachers = teacher_weights(d.name), .train = {}, .held_out = {}};
      int64_t too_long = 0;
      domain.train =
          encode_prompts(tokenizer, run.tools, d, domain_rows(run.config, d, Split::kTrain),
                         Split::kTrain, budget_.max_prompt_length, &too_long);
      domain.held_out =
          encode_prompts(tokenizer, run.tools, d, domain_rows(run.config, d, Split::kHeldOut),
                         Split::kHeldOut, budget_.max_prompt_length, &too_long);
      if (static_cast<int64_t>(domain.held_out.size()) > d.rl.val_prompts)
        domain.held_out.resize(static_cast<size_t>(d.rl.val_prompts));
      domains_.push_back(std::move(domain));
    }
  }

  // Trains to step `end`; the learning rate's schedule is that of all steps. Returns the held-out
  // score after it, the mean over domains.
  double run(int64_t end) {
    learner::TrainingState& state = training_.trainer().state();
    MetricsLogger metrics(run_.run_dir, job_.stage, &run_.store, state.step() - 1);
    log_.truncate_after(state.step());
    Progress progress(job_.stage, config_.steps, state.step());
    for (;;) {
      const int64_t step = state.step();
      NamedValues figures = validate(step, end, progress);
      if (step >= end) {
        if (step == config_.steps) metrics.log(step, figures);
        break;
      }
      const NamedValues trained = train_step(step);
      figures.insert(figures.end(), trained.begin(), trained.end());
      metrics.log(step, figures);
      progress.update(step + 1, note_);
      run_.rollouts(tokenizer_dir_).forget(job_.stage, step);
    }
    return best_.score(end);
  }
  // Moves the best weights to the job's out_dir.
  void finish() { best_.finish(job_.out_dir); }

 private:
  // The domain's row of the teacher table; without one, its own specialist.
  distill::TeacherWeights teacher_weights(const std::string& domain) const {
    const auto directory = [&](const std::string& teacher) {
      for (const auto& [name, dir] : job_.teachers)
        if (name == teacher) return dir;
      throw Error("distill.teachers: there is no teacher for domain '" + teacher + "'");
    };
    distill::TeacherWeights weights;
    for (const configs::TeacherRow& row : config_.teachers)
      if (row.domain == domain)
        for (const auto& [teacher, weight] : row.weight) weights[directory(teacher)] += weight;
    if (weights.empty()) weights[directory(domain)] = 1;
    return weights;
  }

  std::string teacher_name(const std::string& directory) const {
    for (const auto& [name, dir] : job_.teachers)
      if (dir == directory) return name;
    return directory;
  }

  // The held-out score of the weights before this step, when it is due.
  NamedValues validate(int64_t step, int64_t end, Progress& progress) {
    const bool last = step == end;
    const bool due = last || (config_.test_freq > 0 && step > 0 && step % config_.test_freq == 0);
    if (!due) return {};
    const std::string name = "val-core/all/acc/mean@1";
    if (best_.has(step)) return {{name, best_.score(step)}};
    training_.trainer().state().sync();
    std::vector<PromptRow> prompts;
    for (const DistillDomain& d : domains_)
      prompts.insert(prompts.end(), d.held_out.begin(), d.held_out.end());
    const HeldOutScore s =
        score_held_out(run_, validation_stage(job_.stage), step, training_.weights(),
                       tokenizer_dir_, prompts, 1, config_.rollout.temperature, budget_);
    best_.record(step, s.mean, training_);
    char text[64];
    std::snprintf(text, sizeof text, "held out %.1f %%", 100 * s.mean);
    progress.update(step, text);
    return {{name, s.mean}};
  }

  NamedValues train_step(int64_t step) {
    if (interrupted()) throw Interrupted{};
    const auto begin = Clock::now();
    const auto num_domains = static_cast<int64_t>(domains_.size());
    // Prompts split evenly over the domains, in turn.
    std::vector<proto::SampleGroup> groups;
    for (int64_t g = 0; g < config_.data.train_batch_size; ++g) {
      const int64_t place = step * config_.data.train_batch_size + g;
      const DistillDomain& d = domains_[static_cast<size_t>(place % num_domains)];
      PromptOrder order(static_cast<int64_t>(d.train.size()),
                        static_cast<uint64_t>(run_.config.seed),
                        stage_stream(kSharedStream + d.name, kUsePromptOrder));
      const auto index = static_cast<size_t>(order.at(place / num_domains));
      groups.push_back(sample_group(d.train[index], step, g, config_.rollout.n));
    }
    CollectFigures collected;
    const auto trajectories =
        run_.rollouts(tokenizer_dir_)
            .collect({.stage = job_.stage,
                      .step = step,
                      .weights = training_.weights(),
                      .stream = stage_stream(kSharedStream, rollout::kStreamRollout),
                      .temperature = config_.rollout.temperature,
                      .max_response_length = budget_.max_response_length,
                      .max_turns = budget_.max_turns,
                      .max_tool_response_length = budget_.max_tool_response_length,
                      .max_positions = budget_.max_positions(),
                      .draft = budget_.draft,
                      .score = false},
                     std::move(groups), log_, &collected);
    const auto learn_begin = Clock::now();
    std::vector<distill::DistillSample> samples;
    int64_t tokens = 0;
    for (const auto& t : trajectories) {
      if (t.meta().outcome() == proto::OUTCOME_SANDBOX_FAILED) continue;
      for (const DistillDomain& d : domains_)
        if (d.name == t.meta().domain()) samples.push_back({&t, &d.teachers});
      tokens += t.meta().response_length();
    }
    training_.trainer().set_mtp_loss(config_.mtp_loss_weight, model::MtpGradient::kBlockOnly);
    configs::OptimConfig optim = config_.optim;
    optim.lr = job_.lr;
    const double lr = learner::learning_rate(optim, step, config_.steps);
    distill::DistillFigures f;
    learner::StepReport report;
    in_step(job_.stage, step, [&] {
      f = distill::accumulate_distill_loss(training_.trainer(), samples,
                                           {job_.objective, config_.rollout.temperature},
                                           kIndexLossCoefficient, kMicroBatchTokens);
      report = training_.trainer().step(lr);
    });
    std::snprintf(note_, sizeof note_, "KL %.4f", f.total().kl.value().value_or(std::nan("")));
    const double total = seconds_since(begin);
    NamedValues figures{
        {"actor/grad_norm", report.grad_norm},
        {"actor/lr", lr},
        {"response_length/mean",
         static_cast<double>(tokens) / static_cast<double>(std::max<size_t>(1, samples.size()))},
        {"timing_s/rollout", collected.rollout_s - collected.reward_wait_s},
        {"timing_s/reward", collected.reward_wait_s},
        {"timing_s/learn", seconds_since(learn_begin)},
        {"timing_s/step", total},
        {"perf/throughput", static_cast<double>(tokens) / total}};
    add_figures(
        f, [&](const std::string& directory) { return teacher_name(directory); }, &figures);
    add_figure("train/index_loss", training_.trainer().index_loss(), &figures);
    add_figure(kMtpLossMetric, training_.trainer().mtp_loss(), &figures);
    add_figure(kDiffMetric, f.probs_diff_max, &figures);
    if (collected.drafts_proposed > 0)
      figures.emplace_back(kDraftMetric, static_cast<double>(collected.drafts_accepted) /
                                             static_cast<double>(collected.drafts_proposed));
    return figures;
  }

  RunContext& run_;
  const DistillJob& job_;
  const configs::DistillConfig& config_;
  TrainingJob training_;
  std::string tokenizer_dir_;
  TrajectoryLog log_;
  BestCheckpoint best_;
  EpisodeBudget budget_;
  std::vector<DistillDomain> domains_;
  char note_[32] = "";
};

const char* objective_name(configs::Objective o) {
  return o == configs::Objective::kExact ? "exact" : "sampled";
}

std::string sweep_stage(configs::Objective objective, double lr) {
  char name[64];
  std::snprintf(name, sizeof name, "distill-%s-lr%g", objective_name(objective), lr);
  return name;
}

// Every candidate learning rate trains for distill.sweep_steps; the best goes on and ends in `out`.
void run_sweep(RunContext& run, DistillJob job, const std::string& out) {
  if (std::filesystem::exists(out)) return;
  const configs::DistillConfig& config = run.config.distill;
  const auto stage_job = [&](double lr) {
    DistillJob j = job;
    j.stage = sweep_stage(job.objective, lr);
    j.lr = lr;
    j.out_dir = out;
    return j;
  };
  std::vector<double> candidates = config.lr_candidates;
  if (candidates.empty()) candidates = {config.optim.lr};
  double best_lr = candidates[0], best_score = -1;
  if (candidates.size() > 1)
    for (const double lr : candidates) {
      const DistillJob j = stage_job(lr);
      const int64_t end = std::min(config.sweep_steps, config.steps);
      // Known already where a resumed run is past it.
      const auto known = BestCheckpoint(run, j.stage);
      const double score = known.has(end) ? known.score(end) : DistillStage(run, j).run(end);
      run.store.record_sweep({objective_name(job.objective), lr, score, std::nan("")});
      if (score > best_score) best_lr = lr, best_score = score;
    }
  for (const double lr : candidates)
    if (lr != best_lr)
      std::filesystem::remove_all(run.path("checkpoints/" + sweep_stage(job.objective, lr)));
  run_distill_job(run, stage_job(best_lr));
}

}  // namespace

void run_distill_job(RunContext& run, const DistillJob& job) {
  if (std::filesystem::exists(job.out_dir)) return;
  DistillStage stage(run, job);
  stage.run(run.config.distill.steps);
  stage.finish();
}

void run_distill_stage(RunContext& run) {
  DistillJob job;
  job.start_dir = base_dir(run);
  for (const configs::DomainConfig& d : run.config.domains)
    job.teachers.emplace_back(d.name, specialist_dir(run, d.name));
  job.objective = configs::Objective::kExact;
  run_sweep(run, job, run.path("student"));
  job.objective = configs::Objective::kSampled;
  run_sweep(run, job, run.path("sampled_kl"));
}

void run_weight_average_stage(RunContext& run) {
  if (std::filesystem::exists(run.path("weight_average"))) return;
  std::vector<std::string> specialists;
  for (const configs::DomainConfig& d : run.config.domains)
    specialists.push_back(specialist_dir(run, d.name));
  average_models(specialists, run.path("weight_average"), tokenizer_dir(run));
}

}  // namespace amalgam::pipeline
