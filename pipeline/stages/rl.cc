#include "pipeline/stages/rl.h"

#include <filesystem>
#include <optional>

#include "configs/error.h"
#include "learner/optim/schedule.h"
#include "learner/step/policy_step.h"
#include "model/checkpoint/packed_model.h"
#include "model/tokenizer/tokenizer.h"
#include "pipeline/run_store/results.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/learner_figures.h"
#include "pipeline/stages/reward_figures.h"
#include "pipeline/stages/sample_advantages.h"
#include "pipeline/stages/sampling_stage.h"
#include "pipeline/stages/sft.h"
#include "pipeline/stages/shaped_rewards.h"
#include "pipeline/stages/step_judge.h"

namespace amalgam::pipeline {
namespace {

std::vector<double> advantages(const std::vector<proto::Trajectory>& trajectories,
                               const std::vector<std::optional<ShapedReward>>& shaped,
                               bool by_std) {
  return sample_advantages(
      trajectories,
      [&](size_t i) {
        return shaped.empty() ? trajectories[i].meta().reward() : shaped[i]->reward;
      },
      by_std ? learner::AdvantageScale::kStd : learner::AdvantageScale::kNone);
}

bool keeps_last(const configs::RlConfig& rl, const configs::DomainConfig& domain) {
  return rl.select_by == configs::SelectBy::kLast ||
         (rl.select_by == configs::SelectBy::kAuto && domain.judge.is_on());
}

SamplingSpec sampling_spec(const Domains& domains, const configs::RlConfig& rl, const RlJob& job) {
  return {.stage = job.stage,
          .start_dir = job.start_dir,
          .out_dir = job.out_dir,
          .stream = job.stream.empty() ? job.stage : job.stream,
          .domains = domains,
          .optim = rl.optim,
          .data = rl.data,
          .rollout = rl.rollout,
          .steps = rl.steps,
          .updates = rl.ppo_mini_batches,
          .test_freq = rl.test_freq,
          .val_n = rl.val_n,
          .mtp_loss_weight = rl.mtp_loss_weight,
          .score = true,
          .choose = keeps_last(rl, *domains[0]) ? Choose::kLast : Choose::kBest};
}

class RlStage : public SamplingStage {
 public:
  RlStage(RunContext& run, const Domains& domains, const configs::RlConfig& rl, const RlJob& job)
      : SamplingStage(run, sampling_spec(domains, rl, job)), rl_(rl) {
    if (rl_.algorithm.kl_loss_coef > 0)
      reference_.emplace(model::load_packed_model(job.start_dir, run.config.numerics));
    if (domains[0]->judge.is_on()) judge_.emplace(run, *domains[0], job.stage);
    for (const DomainPrompts& d : this->domains()) {
      const configs::LengthPenaltyConfig& penalty = d.domain->rl.length_penalty;
      if (!penalty.is_on()) continue;
      if (!tokenizer_) tokenizer_.emplace(model::Tokenizer::load(tokenizer_dir(run)));
      if (!penalty.depends_on_effort()) continue;
      if (!d.domain->effort_mode().empty()) continue;  // its config was checked
      for (const PromptRow& prompt : d.validation) check_effort(penalty, prompt);
      for (size_t i = 0; i < d.train.size(); ++i) check_effort(penalty, d.train.at(i));
    }
  }

 private:
  static void check_effort(const configs::LengthPenaltyConfig& penalty, const PromptRow& prompt) {
    const std::string problem = penalty.effort_problem(prompt.effort);
    if (!problem.empty()) throw Error("prompt " + prompt.id + ": " + problem);
  }
  std::vector<std::optional<ShapedReward>> shape(
      const std::vector<proto::Trajectory>& trajectories) const {
    const auto domain = [&](const proto::TrajectoryMetadata& meta) {
      return context().config.find_domain(meta.domain());
    };
    return shape_rewards([&](const auto& meta) { return domain(meta)->rl.length_penalty; },
                         *tokenizer_, trajectories,
                         [&](const auto& meta) {
                           return domain(meta)->window(meta.effort(), rl_.data.max_response_length);
                         });
  }

  double rate(int64_t step, const PromptScores& scores, const std::vector<PromptRow>& prompts,
              NamedValues* figures) override {
    double rating = scores.all.mean;
    if (tokenizer_) {
      const auto shaped = shape(scores.samples);
      const double reward =
          add_validation_figures(scores.samples, shaped, prompts, rl_.val_n, figures);
      if (rl_.select_by != configs::SelectBy::kAccuracy) rating = reward;
    }
    if (!judge_) return rating;
    const std::optional<double> agreement = judge_->validate(
        step, training().weights(), [&](int64_t g) { return prompts[static_cast<size_t>(g)]; },
        scores.samples, figures);
    if (rl_.select_by != configs::SelectBy::kAgreement) return rating;
    if (!agreement)
      throw Error(spec().stage +
                  ": rl.select_by = \"agreement\", and nothing has labels; return \"labels\" from "
                  "reward_file, or give judge.heldout_file");
    return *agreement;
  }

  void before_sampling(int64_t step, std::vector<proto::SampleGroup>* groups) override {
    if (judge_) judge_->mark_labelled(step, groups);
  }
  void after_sampling(int64_t step, const proto::WeightsRef& weights,
                      std::vector<proto::Trajectory>* trajectories, TrajectoryLog& log) override {
    if (judge_)
      judge_->judge(
          step, weights,
          [&](int64_t group) { return prompt_at(step * spec().data.train_batch_size + group); },
          trajectories, log);
  }
  void truncate_after(int64_t step) override {
    if (judge_) judge_->truncate_after(step);
  }
  void forget(int64_t step) override {
    if (judge_) judge_->forget(step);
  }

  // The verdicts that judging is trained on, with their advantages; their mini-batch is that of
  // their group's share of all groups.
  std::vector<learner::PolicySample> verdicts(int64_t mini) const {
    std::vector<learner::PolicySample> samples;
    if (!judge_ || judge_->training().num_groups() == 0) return samples;
    const auto& all = judge_->training().samples();
    const std::vector<double> advantage =
        advantages(all, /*shaped=*/{}, rl_.algorithm.norm_adv_by_std);
    for (size_t i = 0; i < all.size(); ++i)
      if (all[i].meta().group() * spec().updates / judge_->training().num_groups() == mini)
        samples.push_back({&all[i], advantage[i], {}});
    return samples;
  }

  // log π_ref of their policy tokens; empty without a reference.
  void add_reference(std::vector<learner::PolicySample>* samples) {
    if (!reference_) return;
    std::vector<const proto::Trajectory*> all;
    for (const learner::PolicySample& s : *samples) all.push_back(s.trajectory);
    learner::Trainer& trainer = training().trainer();
    auto logprobs =
        learner::policy_token_logprobs(trainer.network(), reference_->weights(), all,
                                       trainer.max_micro_tokens(), rl_.rollout.temperature);
    for (size_t i = 0; i < samples->size(); ++i)
      (*samples)[i].reference_logprobs = std::move(logprobs[i]);
  }

  NamedValues learn(int64_t step, const std::vector<proto::Trajectory>& trajectories,
                    std::string* note) override {
    learner::Trainer& trainer = training().trainer();
    std::vector<std::optional<ShapedReward>> shaped;  // empty without a length penalty
    if (tokenizer_) shaped = shape(trajectories);
    const std::vector<double> advantage =
        advantages(trajectories, shaped, rl_.algorithm.norm_adv_by_std);

    // Mini-batches take whole groups; an interrupted step goes on with the next one.
    const int64_t updates = spec().updates;
    learner::PolicyFigures policy;
    learner::Mean grad_norm, index_loss, mtp_loss;
    std::optional<double> on_policy_diff;
    double lr = 0;
    const int64_t groups_per_update = rl_.data.train_batch_size / updates;
    for (int64_t mini = trainer.state().step() % updates; mini < updates; ++mini) {
      std::vector<learner::PolicySample> samples;
      for (size_t i = 0; i < trajectories.size(); ++i)
        if (trajectories[i].meta().group() / groups_per_update == mini &&
            is_answer(trajectories[i]))
          samples.push_back({&trajectories[i], advantage[i], {}});
      const auto judging = verdicts(mini);
      samples.insert(samples.end(), judging.begin(), judging.end());
      add_reference(&samples);
      const learner::PolicyFigures f = learner::accumulate_policy_loss(
          trainer, samples, {rl_.algorithm, rl_.rollout.temperature}, rl_.data.max_response_length,
          rl_.index_loss_coef);
      if (mini == 0) on_policy_diff = f.probs_diff_max;  // later updates are off-policy by design
      lr = learner::learning_rate(rl_.optim, step * updates + mini, rl_.steps * updates);
      grad_norm.add(trainer.step(lr).grad_norm);
      policy.add(f);
      if (trainer.index_loss()) index_loss.add(*trainer.index_loss());
      if (trainer.mtp_loss()) mtp_loss.add(*trainer.mtp_loss());
    }
    learner::Mean reward;
    for (const auto& t : trajectories)
      if (is_answer(t)) reward.add(t.meta().reward());
    *note = "reward " + format_number(reward.value().value_or(kUnknown));
    NamedValues figures{{"actor/lr", lr}};
    add_figure("critic/score/mean", reward.value(), &figures);
    add_reward_figures(trajectories, &figures);
    if (tokenizer_) add_figures(trajectories, shaped, &figures);
    if (judge_) figures.insert(figures.end(), judge_->figures().begin(), judge_->figures().end());
    add_figures(policy, &figures);
    add_figure("actor/grad_norm", grad_norm.value(), &figures);
    add_figure(kIndexLossMetric, index_loss.value(), &figures);
    add_figure(kMtpLossMetric, mtp_loss.value(), &figures);
    add_figure(kDiffMetric, on_policy_diff, &figures);
    return figures;
  }

  const configs::RlConfig rl_;
  std::optional<model::PackedModel> reference_;
  std::optional<model::Tokenizer> tokenizer_;  // with a length penalty
  std::optional<StepJudge> judge_;
};

}  // namespace

std::unique_ptr<SamplingStage> make_rl_stage(RunContext& run, const Domains& domains,
                                             const configs::RlConfig& rl, const RlJob& job) {
  return std::make_unique<RlStage>(run, domains, rl, job);
}

void run_rl_job(RunContext& run, const configs::DomainConfig& domain, const RlJob& job) {
  if (std::filesystem::exists(job.out_dir)) return;
  const auto stage = make_rl_stage(run, specialist_domains(run.config, domain), domain.rl, job);
  stage->run(domain.rl.steps);
  stage->finish();
}

std::string specialist_dir(const RunContext& run, const std::string& domain) {
  const configs::DomainConfig* d = run.config.find_domain(domain);
  return d && !d->specialist.empty() ? d->specialist.string()
                                     : run.path("specialist-" + (d ? specialist_name(*d) : domain));
}

void run_specialist_stage(RunContext& run, const configs::DomainConfig& domain) {
  const std::string out = specialist_dir(run, domain.name);
  if (std::filesystem::exists(out)) return;
  std::string start = base_dir(run);
  if (domain.sft.steps > 0) {
    const std::string cold = run.path("checkpoints/cold-start-" + specialist_name(domain));
    run_domain_sft(run, domain, start, cold);
    start = cold;
  }
  run_rl_job(
      run, domain,
      {.stage = specialist_stage(specialist_name(domain)), .start_dir = start, .out_dir = out});
}

}  // namespace amalgam::pipeline
