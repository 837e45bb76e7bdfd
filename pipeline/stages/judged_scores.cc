#include "pipeline/stages/judged_scores.h"

#include <algorithm>
#include <set>

#include "pipeline/stages/judge.h"
#include "pipeline/stages/judged_answers.h"
#include "pipeline/stages/sft.h"

namespace amalgam::pipeline {
namespace {

constexpr uint64_t kUseScores = 16;

}  // namespace

bool is_scored_by_judge(const configs::DomainConfig& domain) {
  return domain.judge.is_on() && !domain.has_program();
}

void leave_to_judge(const configs::RunConfig& config, std::vector<proto::SampleGroup>* groups) {
  for (proto::SampleGroup& g : *groups) {
    const configs::DomainConfig* domain = config.find_domain(g.meta().domain());
    if (domain && is_scored_by_judge(*domain))
      g.mutable_scored()->Resize(g.sample_index_size(), false);
  }
}

void score_by_judge(RunContext& run, const std::string& stage, int64_t step,
                    const proto::WeightsRef& weights, double temperature,
                    const std::vector<PromptRow>& prompts, TrajectoryLog& log,
                    std::vector<proto::Trajectory>* samples) {
  std::set<std::string> domains;
  for (const PromptRow& p : prompts)
    if (is_scored_by_judge(*run.config.find_domain(p.domain))) domains.insert(p.domain);
  if (domains.empty()) return;
  for (const std::string& name : domains) {
    const configs::DomainConfig& domain = *run.config.find_domain(name);
    const std::string stage_of_domain = domains.size() > 1 ? domain_answers(stage, name) : stage;
    const Judge judge(run, domain);
    std::vector<proto::Trajectory> own;
    std::vector<size_t> places;
    for (size_t i = 0; i < samples->size(); ++i)
      if ((*samples)[i].meta().domain() == name) places.push_back(i), own.push_back((*samples)[i]);
    JudgedAnswers answers(
        judge, domain, [&](int64_t group) { return prompts[static_cast<size_t>(group)]; }, &own);
    const std::string verdict_stage = judge_stage(stage_of_domain);
    TrajectoryLog verdicts(trajectory_log_path(run.run_dir, verdict_stage));
    const JudgeReplies replies = judge.ask({.stage = verdict_stage,
                                            .step = step,
                                            .policy = weights,
                                            .use = kUseScores,
                                            .temperature = temperature > 0 ? temperature : 1},
                                           answers.questions(domain.judge.votes, 0), verdicts);
    answers.reward(replies).require_some(stage + " step " + std::to_string(step));
    run.rollouts(tokenizer_dir(run)).forget(verdict_stage, step);
    for (size_t i = 0; i < places.size(); ++i) (*samples)[places[i]] = std::move(own[i]);
  }
  run.store.record_trajectories(stage, *samples, log.replace_step(*samples));
  run.store.count_masked(stage);
}

}  // namespace amalgam::pipeline
