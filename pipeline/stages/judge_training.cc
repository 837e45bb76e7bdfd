#include "pipeline/stages/judge_training.h"

#include <algorithm>
#include <cmath>

#include "learner/step/figures.h"
#include "pipeline/data/drawn.h"
#include "pipeline/stages/judge_measure.h"
#include "pipeline/stages/learner_figures.h"

namespace amalgam::pipeline {
namespace {

constexpr uint64_t kUseJudgeRows = 13, kUseTrained = 17;

}  // namespace

JudgeTraining::JudgeTraining(RunContext& run, const configs::DomainConfig& domain,
                             const Judge& judge, const std::string& stage)
    : domain_(domain),
      config_(domain.judge),
      judge_(judge),
      stage_(stage),
      seed_(static_cast<uint64_t>(run.config.seed)) {
  if (!config_.is_trained() || config_.train_file.empty()) return;
  rows_ = read_judge_rows(config_.train_file.strings(), judge_.form(), domain.reward.interpreter(),
                          run.pool);
  order_.emplace(static_cast<int64_t>(rows_.size()), seed_, stage_stream(stage, kUseJudgeRows));
}

void JudgeTraining::choose(int64_t step, const std::vector<LabelledQuestion>& own,
                           std::vector<JudgeQuestion>* questions) {
  chosen_.clear();
  num_own_ = 0;
  if (!config_.is_trained()) return;
  const auto wanted =
      std::llround(config_.ratio * static_cast<double>(domain_.rl.data.train_batch_size));
  num_own_ = std::min(own.size(), static_cast<size_t>(wanted));
  std::vector<size_t> places = drawn(own.size(), num_own_,
                                     {.seed = seed_,
                                      .stream = stage_stream(stage_, kUseTrained),
                                      .request = static_cast<uint64_t>(step)});
  std::sort(places.begin(), places.end());
  for (const size_t place : places) chosen_.push_back(own[place]);
  for (auto i = static_cast<int64_t>(num_own_); order_ && i < wanted; ++i) {
    const JudgeRow& row = rows_[static_cast<size_t>(order_->at(step * wanted + i))];
    chosen_.push_back({questions->size(), row.labels, 0});
    questions->push_back(stored_question(judge_, row, config_.n));
  }
}

void JudgeTraining::reward(JudgeReplies* replies, NamedValues* figures) {
  samples_.clear();
  learner::Mean reward, stored;
  for (size_t g = 0; g < chosen_.size(); ++g) {
    const LabelledQuestion& question = chosen_[g];
    JudgeReply& reply = replies->all[question.question];
    const std::vector<double> brier = rewards::brier_rewards(reply.verdicts, question.labels);
    for (size_t i = 0; i < reply.samples.size(); ++i) {
      const double agreement = rewards::agreement_reward(reply.verdicts[i], question.labels);
      if (g >= num_own_ && reply.verdicts[i]) stored.add(agreement);
      reply.samples[i].mutable_meta()->set_reward(
          config_.reward == configs::JudgeReward::kBrier ? brier[i] : agreement);
      samples_.push_back(reply.samples[i]);
      samples_.back().mutable_meta()->set_group(static_cast<int64_t>(g));
      reward.add(samples_.back().meta().reward());
    }
  }
  add_figure("judge/reward/mean", reward.value(), figures);
  add_figure("judge/stored/agreement", stored.value(), figures);
}

}  // namespace amalgam::pipeline
