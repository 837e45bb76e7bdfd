// The judge of an RL stage: between sampling and learning it judges a step's answers, and brings
// the verdicts that judging is trained on; at validations it is measured.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/run_store/run_store.h"
#include "pipeline/stages/judge.h"
#include "pipeline/stages/judge_measure.h"
#include "pipeline/stages/judge_training.h"
#include "pipeline/stages/judged_answers.h"
#include "pipeline/stages/sampling.h"

namespace amalgam::pipeline {

class StepJudge {
 public:
  StepJudge(RunContext& run, const configs::DomainConfig& domain, const std::string& stage);

  // What later steps had logged goes.
  void truncate_after(int64_t step);
  // The step is committed.
  void forget(int64_t step);

  // Says which of a step's samples the domain's function labels.
  void mark_labelled(int64_t step, std::vector<proto::SampleGroup>* groups) const;

  // Judges the answers that were sampled with `policy`: they get their rewards, which `log` and the
  // store then have too.
  using PromptOf = std::function<PromptRow(int64_t group)>;
  void judge(int64_t step, const proto::WeightsRef& policy, const PromptOf& prompt_of,
             std::vector<proto::Trajectory>* trajectories, TrajectoryLog& log);

  // Of the step that was judged last.
  const JudgeTraining& training() const { return training_; }
  const NamedValues& figures() const { return figures_; }

  // The judge on validation answers with labels, and on the held-out rows. Returns the agreement
  // that chooses a step: of the answers, without labels of the rows; none: there were no labels.
  std::optional<double> validate(int64_t step, const proto::WeightsRef& policy,
                                 const PromptOf& prompt_of,
                                 const std::vector<proto::Trajectory>& answers,
                                 NamedValues* figures);

 private:
  void record(const JudgeReplies& replies);

  RunContext& run_;
  const configs::DomainConfig& domain_;
  const configs::JudgeConfig& config_;
  std::string stage_;
  Judge judge_;
  TrajectoryLog log_;
  JudgeTraining training_;
  JudgeMeasure measure_;
  NamedValues figures_;
};

}  // namespace amalgam::pipeline
