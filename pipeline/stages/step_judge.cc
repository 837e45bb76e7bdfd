#include "pipeline/stages/step_judge.h"

#include <algorithm>
#include <cmath>

#include "configs/clock.h"
#include "configs/error.h"
#include "learner/step/figures.h"
#include "pipeline/data/drawn.h"
#include "pipeline/stages/learner_figures.h"
#include "pipeline/stages/sft.h"
#include "pipeline/stages/training_job.h"

namespace amalgam::pipeline {
namespace {

constexpr uint64_t kUseLabels = 12, kUseVerdicts = 14;

// Of the judge's messages: how many are no verdicts, how long and how fast they are.
void add_message_figures(const JudgeReplies& replies, NamedValues* to) {
  learner::Mean unparsable, length;
  double tokens = 0;
  for (const JudgeReply& reply : replies.all) {
    for (const rewards::Verdict& verdict : reply.verdicts) unparsable.add(!verdict);
    for (const proto::Trajectory& t : reply.samples) length.add(t.meta().response_length());
    for (const proto::Trajectory& t : reply.again) tokens += t.meta().response_length();
  }
  add_figure("judge/unparsable", unparsable.value(), to);
  to->emplace_back("judge/asked_again", static_cast<double>(replies.asked_again));
  add_figure("judge/response_length/mean", length.value(), to);
  if (replies.figures.rollout_s > 0)
    to->emplace_back("perf/judge_throughput", (tokens + length.sum) / replies.figures.rollout_s);
}

}  // namespace

StepJudge::StepJudge(RunContext& run, const configs::DomainConfig& domain, const std::string& stage)
    : run_(run),
      domain_(domain),
      config_(domain.judge),
      stage_(stage),
      judge_(run, domain),
      log_(trajectory_log_path(run.run_dir, judge_stage(stage))),
      training_(run, domain, judge_, stage),
      measure_(run, domain, judge_, validation_stage(stage)) {}

void StepJudge::truncate_after(int64_t step) { log_.truncate_after(step); }

void StepJudge::forget(int64_t step) {
  run_.rollouts(tokenizer_dir(run_)).forget(judge_stage(stage_), step);
}

void StepJudge::mark_labelled(int64_t step, std::vector<proto::SampleGroup>* groups) const {
  const bool pairwise = judge_.form() == rewards::VerdictForm::kPairwise;
  std::vector<std::pair<proto::SampleGroup*, int>> units;  // samples, or pairwise whole groups
  for (proto::SampleGroup& g : *groups) {
    for (int i = 0; i < g.sample_index_size(); ++i) {
      g.add_scored(false);
      if (!pairwise || i == 0) units.emplace_back(&g, i);
    }
  }
  if (!domain_.has_program() || config_.label_share == 0) return;
  const double share = config_.label_share * static_cast<double>(units.size());
  const auto count = static_cast<size_t>(std::max<int64_t>(1, std::llround(share)));
  for (const size_t u : drawn(units.size(), count,
                              {.seed = static_cast<uint64_t>(run_.config.seed),
                              .stream = stage_stream(stage_, kUseLabels),
                              .request = static_cast<uint64_t>(step)})) {
    const auto [group, place] = units[u];
    for (int i = 0; i < group->scored_size(); ++i)
      if (pairwise || i == place) group->set_scored(i, true);
  }
}

void StepJudge::judge(int64_t step, const proto::WeightsRef& policy, const PromptOf& prompt_of,
                      std::vector<proto::Trajectory>* trajectories, TrajectoryLog& log) {
  const auto begin = Clock::now();
  const std::string where = stage_ + " step " + std::to_string(step);
  figures_.clear();
  JudgedAnswers answers(judge_, domain_, prompt_of, trajectories);
  std::vector<JudgeQuestion> questions = answers.questions(config_.votes, config_.n);
  const std::vector<LabelledQuestion> own = answers.labelled();
  if (config_.is_trained() && !training_.has_rows() && own.empty() && answers.num_audited() > 0 &&
      judge_.form() != rewards::VerdictForm::kPairwise)
    throw Error(where +
                ": the reward function gave none of the answers that it scored labels, and judging "
                "is to be trained; return {\"score\": …, \"labels\": [1, 0, …]}, or set "
                "judge.ratio = 0");
  training_.choose(step, own, &questions);
  const configs::RolloutConfig& rollout = domain_.rl.rollout;
  const bool has_updates = config_.is_trained();
  JudgeReplies replies =
      judge_.ask({.stage = judge_stage(stage_),
                  .step = step,
                  .policy = policy,
                  .use = kUseVerdicts,
                  .temperature = rollout.temperature,
                  .keep_experts = has_updates && rollout.keeps_experts(domain_.rl.ppo_mini_batches),
                  .keep_index = has_updates && rollout.keep_index},
                 questions, log_);
  const JudgedAnswers::Rewarded rewarded = answers.reward(replies);
  rewarded.require_some(where);
  // The records with their rewards, in place of those without.
  run_.store.record_trajectories(stage_, *trajectories, log.replace_step(*trajectories));
  run_.store.count_masked(stage_);
  training_.reward(&replies, &figures_);
  record(replies);

  learner::Mean score;
  for (const proto::Trajectory& t : *trajectories)
    if (is_answer(t)) score.add(t.meta().reward());
  add_figure("judge/score", score.value(), &figures_);
  figures_.emplace_back("judge/masked", static_cast<double>(rewarded.num_masked));
  if (answers.num_cut() > 0)
    figures_.emplace_back("judge/cut_answers", static_cast<double>(answers.num_cut()));
  if (!own.empty())
    add_judge_figures("judge/", rewards::judge_figures(judged_answers(own, replies)), &figures_);
  add_message_figures(replies, &figures_);
  figures_.emplace_back("timing_s/judge", seconds_since(begin));
}

// The records of the judge's messages, with rewards where they are trained on.
void StepJudge::record(const JudgeReplies& replies) {
  std::vector<proto::Trajectory> all;
  for (const JudgeReply& reply : replies.all) {
    all.insert(all.end(), reply.samples.begin(), reply.samples.end());
    all.insert(all.end(), reply.again.begin(), reply.again.end());
  }
  run_.store.record_trajectories(judge_stage(stage_), all, log_.replace_step(all));
}

std::optional<double> StepJudge::validate(int64_t step, const proto::WeightsRef& policy,
                                          const PromptOf& prompt_of,
                                          const std::vector<proto::Trajectory>& answers,
                                          NamedValues* figures) {
  const JudgeMeasured m =
      measure_.measure(step, policy, domain_.rl.rollout.temperature, prompt_of, answers);
  m.add_to(figures);
  return m.agreement_that_chooses;
}

}  // namespace amalgam::pipeline
