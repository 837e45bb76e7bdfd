#include "pipeline/stages/sampling_stage.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "configs/clock.h"
#include "configs/log/log.h"
#include "model/tokenizer/tokenizer.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/metrics.h"
#include "pipeline/run_store/results.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/stages/disk.h"
#include "pipeline/stages/sft.h"
#include "rewards/registry/scorer.h"
#include "rollout/engine/streams.h"

namespace amalgam::pipeline {
namespace {

constexpr uint64_t kUsePromptOrder = 7;

// Whether its rewards are known to go to kBestReward.
bool has_best_reward(const configs::DomainConfig* d) {
  return !d->has_program() && !d->judge.is_on() && d->reward.is_plain();
}

int64_t policy_tokens(const proto::Trajectory& t) {
  return std::count(t.writer().begin(), t.writer().end(), static_cast<char>(proto::WRITER_POLICY));
}

}  // namespace

std::string why_not_longer(const configs::OptimConfig& optim, int64_t test_freq, int64_t steps) {
  if (optim.decay_fraction > 0) return "its learning rate decays over all steps";
  if (test_freq > 0 && steps % test_freq != 0)
    return "step " + std::to_string(steps) +
           " was validated as the last one, and in a longer run would not be";
  return "";
}

SamplingStage::SamplingStage(RunContext& run, SamplingSpec spec)
    : run_(run),
      spec_(std::move(spec)),
      training_(run, spec_.stage, spec_.start_dir, spec_.optim),
      tokenizer_dir_(tokenizer_dir(run)),
      log_(trajectory_log_path(run.run_dir, spec_.stage)),
      best_(run, spec_.stage, spec_.choose),
      flat_rewards_(model::Tokenizer::load(tokenizer_dir_),
                    std::all_of(spec_.domains.begin(), spec_.domains.end(), has_best_reward)
                        ? std::optional(rewards::kBestReward)
                        : std::nullopt),
      budget_(budget_of(spec_.data, spec_.rollout, spec_.domains)) {
  const model::Tokenizer tokenizer = model::Tokenizer::load(tokenizer_dir_);
  for (const configs::DomainConfig* d : spec_.domains) {
    const auto prompts = [&](Split split, int64_t num_asked) {
      PromptSet set = prompt_set(run, tokenizer, *d, split, budget_.max_prompt_length, num_asked);
      record_set(run.store, {spec_.stage, to_string(split), d->name, set.counts});
      return set;
    };
    PromptSet train = prompts(Split::kTrain, -1);
    std::vector<PromptRow> validation;
    if (validates()) validation = prompts(Split::kValidation, d->rl.val_prompts).all();
    // The efforts of a group have one order: a step asks the same questions at each of them.
    const PromptOrder order(static_cast<int64_t>(train.size()),
                            static_cast<uint64_t>(run.config.seed),
                            stage_stream(spec_.stream + "/" + d->group(), kUsePromptOrder));
    domains_.push_back({d, std::move(train), std::move(validation), order});
  }
}

PromptRow SamplingStage::prompt_at(int64_t place) {
  const auto num_domains = static_cast<int64_t>(domains_.size());
  DomainPrompts& d = domains_[static_cast<size_t>(place % num_domains)];
  return d.train.at(static_cast<size_t>(d.order.at(place / num_domains)));
}

double SamplingStage::run(int64_t end) {
  const learner::TrainingState& state = training_.trainer().state();
  const auto current = [&] { return state.step() / spec_.updates; };
  MetricsLogger metrics(run_.run_dir, spec_.stage, &run_.store, current() - 1);
  log_.truncate_after(current());
  truncate_after(current());
  Progress progress(spec_.stage, spec_.steps, current());
  DiskWatch disk(run_.run_dir, spec_.stage);
  for (;;) {
    const int64_t step = current();
    NamedValues figures = validate(step, end, progress);
    if (step >= end) {
      if (step == spec_.steps && !figures.empty()) metrics.log(step, figures);
      break;
    }
    const NamedValues trained = train_step(step);
    figures.insert(figures.end(), trained.begin(), trained.end());
    metrics.log(step, figures);
    progress.update(step + 1, note_);
    disk.step(step + 1, end, log_.size_bytes());
    run_.rollouts(tokenizer_dir_).forget(spec_.stage, step);
    forget(step);
  }
  return validates() ? best_.score(end) : std::nan("");
}

void SamplingStage::finish() {
  if (best_.has_best() && best_.best_score() < best_.score(0))
    log::warn(log::Part::kRun,
              spec_.stage +
                  (spec_.choose == Choose::kLast ? ": the last step scored "
                                                 : ": the best validated step scored ") +
                  format_number(best_.best_score()) + ", what the stage began with " +
                  format_number(best_.score(0)) + ": the result is worse than its start");
  best_.finish(spec_.out_dir, training_,
               why_not_longer(spec_.optim, spec_.test_freq, spec_.steps).empty()
                   ? AfterEnd::kKeepState
                   : AfterEnd::kRemoveState);
}

// The validation figures of the weights before this step, when they are due. An interrupted
// validation, or one that is on record, goes on from its log: nothing is sampled twice.
NamedValues SamplingStage::validate(int64_t step, int64_t end, Progress& progress) {
  if (!validates() || (step != end && step % spec_.test_freq != 0)) return {};
  training_.trainer().state().sync();
  std::vector<PromptRow> prompts;
  for (const DomainPrompts& d : domains_)
    prompts.insert(prompts.end(), d.validation.begin(), d.validation.end());
  const auto scores = score_prompts(run_, prompts,
                                    {.stage = validation_stage(spec_.stage),
                                     .step = step,
                                     .weights = training_.weights(),
                                     .n = spec_.val_n,
                                     .temperature = spec_.rollout.temperature,
                                     .budget = budget_});
  NamedValues figures, own;
  const double rating = rate(step, scores, prompts, &own);
  if (!best_.has(step)) best_.record(step, rating, training_);
  progress.update(step, "validation " + format_score(scores.all));
  const std::string suffix = "/acc/mean@" + std::to_string(spec_.val_n);
  for (const auto& [source, score] : scores.by_source)
    figures.emplace_back("val-core/" + source + suffix, score.mean);
  if (scores.by_source.size() > 1) figures.emplace_back("val-core/all" + suffix, scores.all.mean);
  figures.insert(figures.end(), own.begin(), own.end());
  return figures;
}

NamedValues SamplingStage::train_step(int64_t step) {
  if (interrupted()) throw Interrupted{};
  const log::At at(spec_.stage, step);
  const auto begin = Clock::now();
  const int64_t batch = spec_.data.train_batch_size;
  std::vector<proto::SampleGroup> groups;
  for (int64_t g = 0; g < batch; ++g)
    groups.push_back(sample_group(prompt_at(step * batch + g), step, g, spec_.rollout.n));
  before_sampling(step, &groups);
  CollectFigures collected;
  CollectSpec collect = collect_spec(spec_.stage, step, training_.weights(),
                                     stage_stream(spec_.stream, rollout::kStreamRollout),
                                     spec_.rollout.temperature, budget_, spec_.score);
  collect.keep_experts = spec_.rollout.keeps_experts(spec_.updates);
  collect.keep_index = spec_.rollout.keep_index;
  collect.keep_weights = spec_.score && spec_.domains[0]->judge.is_on();
  auto trajectories = sample(collect, std::move(groups), log_, &collected);
  after_sampling(step, collect.weights, &trajectories, log_);
  const auto row_of = [&](const proto::Trajectory& t) {
    return prompt_at(step * batch + t.meta().group()).row();
  };
  if (const auto text = flat_rewards_.add(trajectories, row_of))
    log::warn(log::Part::kReward, *text);
  const auto learn_begin = Clock::now();
  training_.trainer().set_mtp_loss(spec_.mtp_loss_weight, model::MtpGradient::kBlockOnly);
  NamedValues figures;
  in_step(spec_.stage, step, [&] { figures = learn(step, trajectories, &note_); });
  const double total = seconds_since(begin);
  int64_t tokens = 0, answers = 0, answer_tokens = 0, truncated = 0, masked = 0, forced = 0;
  int64_t sampled_tokens = 0, trained_tokens = 0;
  for (const auto& t : trajectories) {
    tokens += t.meta().response_length();
    sampled_tokens += policy_tokens(t);
    if (is_answer(t)) trained_tokens += policy_tokens(t);
    masked += !is_answer(t);
    if (!is_answer(t)) continue;
    ++answers, answer_tokens += t.meta().response_length();
    truncated += t.meta().outcome() == proto::OUTCOME_TRUNCATED;
    forced += t.meta().forced_thinking_ends() > 0;
  }
  if (answers > 0) {
    const auto n = static_cast<double>(answers);
    figures.emplace_back("response_length/mean", static_cast<double>(answer_tokens) / n);
    figures.emplace_back("response_length/clip_ratio", static_cast<double>(truncated) / n);
    if (budget_.max_thinking_tokens > 0)
      figures.emplace_back("rollout/forced_thinking_ends", static_cast<double>(forced) / n);
  }
  figures.emplace_back(kSampledTokensMetric, static_cast<double>(sampled_tokens));
  figures.emplace_back(kTrainedTokensMetric, static_cast<double>(trained_tokens));
  if (masked > 0) figures.emplace_back("rollout/masked_samples", static_cast<double>(masked));
  figures.insert(figures.end(),
                 {{"timing_s/rollout", collected.rollout_s - collected.reward_wait_s},
                  {"timing_s/reward", collected.reward_wait_s},
                  {"timing_s/learn", seconds_since(learn_begin)},
                  {"timing_s/step", total},
                  {"perf/throughput", static_cast<double>(tokens) / total}});
  add_choice_bytes(trajectories, &figures);
  if (collected.drafts_proposed > 0)
    figures.emplace_back(kDraftMetric, static_cast<double>(collected.drafts_accepted) /
                                           static_cast<double>(collected.drafts_proposed));
  return figures;
}

}  // namespace amalgam::pipeline
