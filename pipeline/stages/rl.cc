#include "pipeline/stages/rl.h"

#include <chrono>
#include <filesystem>

#include "configs/check.h"
#include "learner/estimators/advantage.h"
#include "learner/optim/schedule.h"
#include "learner/step/policy_step.h"
#include "model/checkpoint/packed_model.h"
#include "pipeline/data/prompt_order.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/metrics.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/run_store/results.h"
#include "pipeline/stages/flat_rewards.h"
#include "pipeline/stages/sampling.h"
#include "pipeline/stages/sft.h"
#include "pipeline/stages/training_job.h"
#include "pipeline/stages/validation.h"
#include "rollout/engine/streams.h"

namespace amalgam::pipeline {
namespace {

using Clock = std::chrono::steady_clock;
constexpr uint64_t kUsePromptOrder = 7;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

bool is_scored(const proto::Trajectory& t) {
  return t.meta().outcome() == proto::OUTCOME_OK || t.meta().outcome() == proto::OUTCOME_TRUNCATED;
}

// Advantages within each group; a sample that could not be scored is left out of its group's mean.
std::vector<double> advantages(const std::vector<proto::Trajectory>& trajectories, bool by_std) {
  std::vector<double> out(trajectories.size(), 0.0);
  for (size_t begin = 0; begin < trajectories.size();) {
    size_t end = begin;
    std::vector<double> rewards;
    std::vector<size_t> members;
    for (; end < trajectories.size() &&
           trajectories[end].meta().group() == trajectories[begin].meta().group();
         ++end)
      if (is_scored(trajectories[end])) {
        rewards.push_back(trajectories[end].meta().reward());
        members.push_back(end);
      }
    const auto a = learner::group_advantages(
        rewards, by_std ? learner::AdvantageScale::kStd : learner::AdvantageScale::kNone);
    for (size_t i = 0; i < members.size(); ++i) out[members[i]] = a[i];
    begin = end;
  }
  return out;
}

class RlStage {
 public:
  RlStage(RunContext& run, const configs::DomainConfig& domain, const RlJob& job)
      : run_(run),
        domain_(domain),
        rl_(domain.rl),
        job_(job),
        training_(run, job.stage, job.start_dir, domain.rl.optim),
        tokenizer_dir_(tokenizer_dir(run)),
        tokenizer_(model::Tokenizer::load(tokenizer_dir_)),
        log_(trajectory_log_path(run.run_dir, job.stage)),
        best_(run, job.stage),
        flat_rewards_(tokenizer_),
        budget_(budget_of(rl_.data, rl_.rollout)) {
    int64_t too_long = 0;
    train_ = encode_prompts(tokenizer_, run.tools, domain,
                            domain_rows(run.config, domain, Split::kTrain), Split::kTrain,
                            rl_.data.max_prompt_length, &too_long);
    run.store.set_figure(job.stage, "prompts_too_long", static_cast<double>(too_long));
    held_out_ = encode_prompts(tokenizer_, run.tools, domain,
                               domain_rows(run.config, domain, Split::kHeldOut), Split::kHeldOut,
                               rl_.data.max_prompt_length, &too_long);
    if (static_cast<int64_t>(held_out_.size()) > rl_.val_prompts)
      held_out_.resize(static_cast<size_t>(rl_.val_prompts));
    if (rl_.algorithm.kl_loss_coef > 0)
      reference_.emplace(model::load_packed_model(job.start_dir, run.config.numerics));
  }

  void run() {
    const int64_t updates = rl_.ppo_mini_batches;
    learner::TrainingState& state = training_.trainer().state();
    MetricsLogger metrics(run_.run_dir, job_.stage, &run_.store, state.step() / updates - 1);
    log_.truncate_after(state.step() / updates);
    Progress progress(job_.stage, rl_.steps, state.step() / updates);
    for (;;) {
      const int64_t step = state.step() / updates;
      NamedValues figures = validate(step, progress);
      if (step == rl_.steps) {
        metrics.log(step, figures);
        break;
      }
      const NamedValues trained = train_step(step, progress);
      figures.insert(figures.end(), trained.begin(), trained.end());
      metrics.log(step, figures);
      progress.update(step + 1, note_);
      run_.rollouts(tokenizer_dir_).forget(job_.stage, step);
    }
    best_.finish(job_.out_dir);
  }

 private:
  // The held-out score of the weights before this step, when it is due. A step that was interrupted
  // between its updates has it already.
  NamedValues validate(int64_t step, Progress& progress) {
    const bool last = step == rl_.steps;
    const bool due = last || (rl_.test_freq > 0 && step > 0 && step % rl_.test_freq == 0);
    if (!due) return {};
    const std::string name =
        "val-core/" + held_out_[0].data_source + "/acc/mean@" + std::to_string(rl_.val_n);
    if (best_.has(step)) return {{name, best_.score(step)}};
    training_.trainer().state().sync();
    const HeldOutScore s =
        score_held_out(run_, validation_stage(job_.stage), step, training_.weights(),
                       tokenizer_dir_, held_out_, rl_.val_n, rl_.rollout.temperature, budget_);
    best_.record(step, s.mean, training_);
    char text[64];
    std::snprintf(text, sizeof text, "held out %.1f %%", 100 * s.mean);
    progress.update(step, text);
    return {{name, s.mean}};
  }

  NamedValues train_step(int64_t step, Progress& progress) {
    if (interrupted()) throw Interrupted{};
    const auto begin = Clock::now();
    const int64_t B = rl_.data.train_batch_size, updates = rl_.ppo_mini_batches;
    PromptOrder order(static_cast<int64_t>(train_.size()), static_cast<uint64_t>(run_.config.seed),
                      stage_stream(job_.stage, kUsePromptOrder));
    std::vector<proto::SampleGroup> groups;
    for (int64_t g = 0; g < B; ++g)
      groups.push_back(sample_group(train_[static_cast<size_t>(order.at(step * B + g))], step, g,
                                    rl_.rollout.n));
    CollectFigures collected;
    const auto trajectories =
        run_.rollouts(tokenizer_dir_)
            .collect({.stage = job_.stage,
                      .step = step,
                      .weights = training_.weights(),
                      .stream = stage_stream(job_.stage, rollout::kStreamRollout),
                      .temperature = rl_.rollout.temperature,
                      .max_response_length = budget_.max_response_length,
                      .max_turns = budget_.max_turns,
                      .max_tool_response_length = budget_.max_tool_response_length,
                      .max_positions = budget_.max_positions(),
                      .draft = budget_.draft,
                      .score = true},
                     std::move(groups), log_, &collected);
    const auto row_of = [&](const proto::Trajectory& t) {
      return train_[static_cast<size_t>(order.at(step * B + t.meta().group()))].row;
    };
    if (const auto text = flat_rewards_.add(trajectories, row_of)) progress.say(*text);
    const auto learn_begin = Clock::now();
    const std::vector<double> advantage = advantages(trajectories, rl_.algorithm.norm_adv_by_std);
    std::vector<std::vector<float>> reference(trajectories.size());
    if (reference_) {
      std::vector<const proto::Trajectory*> all;
      for (const auto& t : trajectories) all.push_back(&t);
      reference = learner::policy_token_logprobs(training_.trainer().network(),
                                                 reference_->weights(), all, kMicroBatchTokens);
    }

    // Mini-batches take whole groups; an interrupted step goes on with the next one.
    learner::Trainer& trainer = training_.trainer();
    trainer.set_mtp_loss(rl_.mtp_loss_weight, model::MtpGradient::kBlockOnly);
    double pg_loss = 0, clipfrac = 0, ppo_kl = 0, entropy = 0, grad_norm = 0, kl_loss = 0,
           on_policy_diff = 0, mtp_loss = 0, mtp_updates = 0, lr = 0;
    const int64_t groups_per_update = B / updates;
    for (int64_t mini = trainer.state().step() % updates; mini < updates; ++mini) {
      std::vector<learner::PolicySample> samples;
      for (size_t i = 0; i < trajectories.size(); ++i)
        if (trajectories[i].meta().group() / groups_per_update == mini &&
            is_scored(trajectories[i]))
          samples.push_back({&trajectories[i], advantage[i], reference[i]});
      const learner::PolicyFigures f = learner::accumulate_policy_loss(
          trainer, samples, rl_.algorithm, rl_.data.max_response_length, kIndexLossCoefficient);
      if (mini == 0) on_policy_diff = f.probs_diff_max;  // later updates are off-policy by design
      lr = learner::learning_rate(rl_.optim, step * updates + mini, rl_.steps * updates);
      const learner::StepReport report = trainer.step(lr);
      pg_loss += f.pg_loss, clipfrac += f.clipfrac, ppo_kl += f.ppo_kl, entropy += f.entropy,
          kl_loss += f.kl_loss, grad_norm += report.grad_norm;
      if (trainer.mtp_loss()) mtp_loss += *trainer.mtp_loss(), mtp_updates += 1;
    }
    const auto u = static_cast<double>(updates);
    int64_t scored = 0, truncated = 0, tokens = 0;
    double reward = 0;
    for (const auto& t : trajectories) {
      if (!is_scored(t)) continue;
      ++scored;
      reward += t.meta().reward();
      tokens += t.meta().response_length();
      truncated += t.meta().outcome() == proto::OUTCOME_TRUNCATED;
    }
    const double n = static_cast<double>(std::max<int64_t>(1, scored));
    std::snprintf(note_, sizeof note_, "reward %.3f", reward / n);
    const double total = seconds_since(begin);
    NamedValues figures{{"critic/score/mean", reward / n},
                        {"response_length/mean", static_cast<double>(tokens) / n},
                        {"response_length/clip_ratio", static_cast<double>(truncated) / n},
                        {"actor/pg_loss", pg_loss / u},
                        {"actor/pg_clipfrac", clipfrac / u},
                        {"actor/ppo_kl", ppo_kl / u},
                        {"actor/kl_loss", kl_loss / u},
                        {"actor/entropy", entropy / u},
                        {"actor/grad_norm", grad_norm / u},
                        {"actor/lr", lr},
                        {"train/index_loss", trainer.index_loss()},
                        {kDiffMetric, on_policy_diff},
                        {"timing_s/rollout", collected.rollout_s - collected.reward_wait_s},
                        {"timing_s/reward", collected.reward_wait_s},
                        {"timing_s/learn", seconds_since(learn_begin)},
                        {"timing_s/step", total},
                        {"perf/throughput", static_cast<double>(tokens) / total}};
    if (collected.drafts_proposed > 0)
      figures.emplace_back(kDraftMetric, static_cast<double>(collected.drafts_accepted) /
                                             static_cast<double>(collected.drafts_proposed));
    if (mtp_updates > 0) figures.emplace_back(kMtpLossMetric, mtp_loss / mtp_updates);
    return figures;
  }

  RunContext& run_;
  const configs::DomainConfig& domain_;
  const configs::RlConfig& rl_;
  const RlJob& job_;
  TrainingJob training_;
  std::string tokenizer_dir_;
  model::Tokenizer tokenizer_;
  TrajectoryLog log_;
  BestCheckpoint best_;
  FlatRewards flat_rewards_;
  EpisodeBudget budget_;
  std::vector<PromptRow> train_, held_out_;
  std::optional<model::PackedModel> reference_;
  char note_[32] = "";
};

}  // namespace

void run_rl_job(RunContext& run, const configs::DomainConfig& domain, const RlJob& job) {
  if (std::filesystem::exists(job.out_dir)) return;
  RlStage(run, domain, job).run();
}

std::string specialist_dir(const RunContext& run, const std::string& domain) {
  return run.path("specialist-" + domain);
}

void run_specialist_stage(RunContext& run, const configs::DomainConfig& domain) {
  const std::string out = specialist_dir(run, domain.name);
  if (std::filesystem::exists(out)) return;
  std::string start = base_dir(run);
  if (domain.sft.steps > 0) {
    const std::string cold = run.path("checkpoints/cold-start-" + domain.name);
    run_domain_sft(run, domain, start, cold);
    start = cold;
  }
  run_rl_job(run, domain, {.stage = "rl-" + domain.name, .start_dir = start, .out_dir = out});
}

}  // namespace amalgam::pipeline
