#include "pipeline/stages/disk.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <filesystem>

#include "configs/error.h"
#include "configs/log/log.h"
#include "model/network/model_config.h"
#include "model/network/weights.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/sampling.h"
#include "pipeline/stages/sampling_stage.h"

namespace amalgam::pipeline {
namespace {

constexpr double kSlots = 6;            // of a training state: two of parameters and two moments
constexpr double kFiguresBytes = 64e6;  // run.sqlite, curves, logs
// Of a sampled token: its id, its writer, its log-probability.
constexpr double kTokenBytes = 8;
constexpr double kChosenExperts = 8;  // of a token in a layer, no model has more

double parameters_of(const configs::RunConfig& config) {
  if (!config.model.path.empty())
    return static_cast<double>(
        model::Weights(model::load_model_config(config.model.path.string() + "/config.json"))
            .num_floats());
  const configs::ModelSpec& m = config.model;
  const double experts = static_cast<double>(m.n_routed_experts + m.n_shared_experts) * 3 *
                         static_cast<double>(m.hidden_size * m.moe_intermediate_size);
  const double attention =
      static_cast<double>(m.hidden_size * (m.q_lora_rank + 5 * m.head_dim) +
                          2 * m.q_lora_rank * m.num_attention_heads * m.head_dim +
                          12 * m.hc_mult * m.hc_mult * m.hidden_size);
  return static_cast<double>(m.layer_types.size()) * (experts + attention) +
         2 * static_cast<double>(config.tokenizer.vocab_size * m.hidden_size);
}

double sample_bytes(const configs::RunConfig& config, const configs::PromptBatchConfig& data,
                    const configs::RolloutConfig& rollout, int64_t updates) {
  double token = kTokenBytes;
  const auto layers = static_cast<double>(config.model.layer_types.size());
  if (rollout.keeps_experts(updates)) token += 2 * layers * kChosenExperts;
  if (rollout.keep_index) token += 3 * layers * static_cast<double>(config.model.index_topk);
  return token *
         static_cast<double>(budget_of(data, rollout, domains_of(config, "")).max_positions());
}

// Samples of a stage: `validated` at each validation.
double num_samples(const configs::PromptBatchConfig& data, const configs::RolloutConfig& rollout,
                   int64_t steps, int64_t test_freq, int64_t validated) {
  const int64_t validations = test_freq > 0 ? steps / test_freq + 2 : 0;
  return static_cast<double>(steps * data.train_batch_size * rollout.n + validations * validated);
}

// Of what is said of a domain's answers: a step's and, by the function-less, validated ones. The
// longest messages, to prompts with the longest answers.
double verdict_bytes(const configs::DomainConfig& d) {
  const configs::JudgeConfig& judge = d.judge;
  if (!judge.is_on()) return 0;
  const configs::RlConfig& rl = d.rl;
  const auto one = [](int64_t n) { return static_cast<double>(n); };
  const double group = one(rl.rollout.n);
  double questions = one(rl.data.train_batch_size) * group, shown = 1;
  if (judge.form == configs::JudgeForm::kPairwise) {
    shown = 2;
    questions *= judge.opponents == 0 ? group - 1 : std::min(group - 1, one(judge.opponents) + 1);
  }
  const double labelled = questions * judge.label_share;
  const double rows = judge.is_trained() ? judge.ratio * one(rl.data.train_batch_size) : 0;
  const double of_step = questions * one(judge.votes) + (labelled + rows) * one(judge.n);
  const double validations = rl.test_freq > 0 ? one(rl.steps / rl.test_freq + 2) : 0;
  const double of_validation =
      2 * one(rl.val_prompts * rl.val_n) * one(std::max(judge.votes, judge.n)) +
      (judge.heldout_file.empty() ? 0 : one(judge.heldout_rows * judge.n));
  const double tokens = one(rl.data.max_prompt_length) + one(judge.max_response_length) +
                        shown * one(std::min(judge.max_answer_tokens, rl.data.max_response_length));
  return kTokenBytes * tokens * (one(rl.steps) * of_step + validations * of_validation);
}

// What stays of a stage in models: its result, its state where it may be made longer, and validated
// models that are kept.
double kept(const configs::RunConfig& config, const configs::OptimConfig& optim, int64_t test_freq,
            int64_t steps) {
  return 1 + (why_not_longer(optim, test_freq, steps).empty() ? kSlots : 0) +
         static_cast<double>(config.keep_last);
}

// States that supervised training may go back to (anticipatory routing).
double snapshots(const configs::SftConfig& sft) {
  return sft.anticipatory_routing.delay > 0 ? 4 * kSlots : 0;
}

}  // namespace

DiskNeed disk_need(const configs::RunConfig& config, const DiskScope& scope) {
  double stay = 0;              // models that are there at the end
  double at_work = kSlots + 2;  // a stage's state, its best step so far, a model on its way
  double samples = kFiguresBytes;
  const auto needs = [&](double more) { at_work = std::max(at_work, kSlots + 2 + more); };
  if (scope.base || (scope.all && config.model.path.empty())) {
    stay += 2;
    needs(snapshots(config.base.sft));
  }
  for (const configs::DomainConfig& d : config.domains) {
    const bool trains = specialist_domains(config, d)[0] == &d;
    if (scope.sft_of == &d) stay += 1, needs(snapshots(d.sft));
    if (scope.rl_of == &d || (scope.all && d.specialist.empty() && trains)) {
      stay += kept(config, d.rl.optim, d.rl.test_freq, d.rl.steps);
      if (d.sft.steps > 0) needs(1 + snapshots(d.sft));
      samples += sample_bytes(config, d.rl.data, d.rl.rollout, d.rl.ppo_mini_batches) *
                     num_samples(d.rl.data, d.rl.rollout, d.rl.steps, d.rl.test_freq,
                                 d.rl.val_prompts * d.rl.val_n) +
                 verdict_bytes(d);
    }
    if (scope.eval || scope.all)
      samples += sample_bytes(config, d.rl.data, d.rl.rollout, 1) *
                 static_cast<double>(config.eval.prompts * (config.eval.n + 1)) *
                 static_cast<double>(scope.all ? config.compare.size() + 3 : 1);
  }
  const configs::DistillConfig& distill = config.distill;
  if ((scope.distill || scope.all) && distill.steps > 0) {
    const auto merged = static_cast<double>(
        scope.all ? (config.compare.size() + 1) * student_groups(config).size() : 1);
    const auto rates = static_cast<double>(std::max<size_t>(1, distill.lr_candidates.size()));
    int64_t validated = 0;
    for (const configs::DomainConfig& d : config.domains) validated += d.rl.val_prompts;
    const auto trained = [&](const configs::OptimConfig& optim) {
      return kept(config, optim, distill.test_freq, distill.steps);
    };
    const auto groups = static_cast<double>(scope.all ? student_groups(config).size() : 1);
    stay += groups * trained(distill.optim);
    if (scope.all)
      for (const configs::CompareConfig& c : config.compare)
        stay += groups * (!configs::is_trained(c.method)          ? 1.0
                          : c.method == configs::Method::kMixedRl ? trained(config.rl.optim)
                                                                  : trained(distill.optim));
    needs((rates - 1) * (kSlots + 1));
    samples +=
        merged * rates * sample_bytes(config, distill.data, distill.rollout, 1) *
        num_samples(distill.data, distill.rollout, distill.steps, distill.test_freq, validated);
  }
  return {(stay + at_work) * 4 * parameters_of(config), samples};
}

void announce_disk(const configs::RunConfig& config, const DiskScope& scope) {
  if (std::filesystem::exists(config.run_dir)) return;
  const DiskNeed need = disk_need(config, scope);
  const auto free = static_cast<double>(free_disk_bytes(config.run_dir));
  log::say(log::Part::kRun,
           fmt::format("run directory {}: needs at most {} of disk for models and {} for samples, "
                       "{} are free",
                       config.run_dir, format_bytes(need.models), format_bytes(need.samples),
                       format_bytes(free)));
  if (free < need.models)
    throw Error("not enough disk space for " + config.run_dir +
                "; free some or choose another --run-dir");
  if (free < need.models + need.samples)
    log::warn(log::Part::kRun, "the samples may fill the disk; it is watched while they are made");
}

int64_t steps_to_full_disk(double free_bytes, double bytes_per_step, int64_t steps_left) {
  const double room = std::max(0.0, free_bytes - kFiguresBytes);
  if (bytes_per_step <= 0 || bytes_per_step * static_cast<double>(steps_left) <= room) return -1;
  return static_cast<int64_t>(room / bytes_per_step);
}

DiskWatch::DiskWatch(std::string run_dir, std::string stage)
    : run_dir_(std::move(run_dir)), stage_(std::move(stage)) {}

void DiskWatch::step(int64_t step, int64_t steps, int64_t log_bytes) {
  if (first_step_ < 0) {
    first_step_ = step, first_bytes_ = log_bytes;
    return;
  }
  const double per_step =
      static_cast<double>(log_bytes - first_bytes_) / static_cast<double>(step - first_step_);
  const auto free = static_cast<double>(free_disk_bytes(run_dir_));
  const int64_t left = steps_to_full_disk(free, per_step, steps - step);
  if (left < 0 || (warned_at_ >= 0 && left > warned_at_ / 2)) return;
  warned_at_ = left;
  log::warn(log::Part::kRun,
            fmt::format("{}: the disk is full in about {} steps of the {} that are left: a step "
                        "takes {}, {} are free; free some (a full disk stops the run, which "
                        "then goes on where it was)",
                        stage_, left, steps - step, format_bytes(per_step), format_bytes(free)));
}

}  // namespace amalgam::pipeline
