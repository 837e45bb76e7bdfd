#include "pipeline/stages/judge_measure.h"

#include <algorithm>
#include <map>

#include "learner/step/figures.h"
#include "pipeline/stages/learner_figures.h"
#include "pipeline/stages/sampling.h"
#include "pipeline/stages/sft.h"
#include "rewards/registry/scorer.h"

namespace amalgam::pipeline {
namespace {

constexpr uint64_t kUseMeasure = 15;

// A stage's answers at its first step, by group and sample: the log has them as they came.
std::vector<proto::Trajectory> first_answers(const std::string& run_dir, const std::string& stage) {
  std::vector<proto::Trajectory> first;
  for_each_trajectory(trajectory_log_path(run_dir, stage),
                      [&](int64_t, const proto::Trajectory& t) {
                        if (t.meta().step() == 0) first.push_back(t);
                        return t.meta().step() == 0;
                      });
  std::sort(first.begin(), first.end(), [](const auto& a, const auto& b) {
    return std::pair(a.meta().group(), a.meta().sample_index()) <
           std::pair(b.meta().group(), b.meta().sample_index());
  });
  return first;
}

// By audit: what the judge gave.
std::map<double, std::vector<double>> by_audit(const std::vector<proto::Trajectory>& answers) {
  std::map<double, std::vector<double>> scores;
  for (const proto::Trajectory& t : answers) {
    if (!is_answer(t)) continue;
    for (const proto::RewardPart& part : t.meta().reward_parts())
      if (part.name() == rewards::kAuditPart) scores[part.value()].push_back(t.meta().reward());
  }
  return scores;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

void compare(const std::vector<proto::Trajectory>& own, const std::vector<proto::Trajectory>& first,
             JudgeMeasured* to) {
  const auto ours = by_audit(own), theirs = by_audit(first);
  double sum = 0;
  for (const auto& [audit, scores] : ours) {
    const auto same = theirs.find(audit);
    if (same == theirs.end()) continue;
    const auto count = static_cast<int64_t>(std::min(scores.size(), same->second.size()));
    sum += static_cast<double>(count) * (mean(scores) - mean(same->second));
    to->num_compared += count;
  }
  if (to->num_compared > 0) to->own_minus_first = sum / static_cast<double>(to->num_compared);
}

// Over all verdicts; none: there are no labels.
std::optional<double> strict_agreement(const std::vector<LabelledQuestion>& labelled,
                                       const JudgeReplies& replies) {
  learner::Mean mean;
  for (const LabelledQuestion& l : labelled)
    for (const rewards::Verdict& verdict : replies.all[l.question].verdicts)
      mean.add(rewards::agreement_reward(verdict, l.labels));
  return mean.value();
}

}  // namespace

void add_judge_figures(const std::string& prefix, const rewards::JudgeFigures& f, NamedValues* to) {
  const auto add = [&](const char* name, std::optional<double> value) {
    add_figure(prefix + name, value, to);
  };
  const auto count = [&](const char* name, int64_t n) {
    to->emplace_back(prefix + name, static_cast<double>(n));
  };
  add("balanced_accuracy", f.balanced_accuracy);
  add("accuracy", f.accuracy);
  add("agreement", f.agreement);
  add("auc", f.auc);
  add("brier", f.brier);
  add("calibration_error", f.calibration_error);
  add("false_yes", f.false_yes_rate);
  add("false_no", f.false_no_rate);
  count("positives", f.positives);
  count("negatives", f.negatives);
  count("answers", f.num_answers);
  count("without_vote", f.num_without_vote);
  for (size_t p = 0; p < f.accuracy_by_position.size(); ++p)
    add(("by_position/" + std::to_string(p + 1)).c_str(), f.accuracy_by_position[p]);
  add("accuracy_shorter", f.accuracy_of_shorter);
  add("accuracy_longer", f.accuracy_of_longer);
  add("vote_agreement", f.vote_agreement);
}

void JudgeMeasured::add_to(NamedValues* figures) const {
  if (!std::isnan(score.mean)) figures->emplace_back("val-judge/score", score.mean);
  if (current) add_judge_figures("val-judge/", *current, figures);
  if (heldout) add_judge_figures("val-judge/heldout/", *heldout, figures);
  add_figure("val-judge/own_minus_first", own_minus_first, figures);
  if (num_compared > 0)
    figures->emplace_back("val-judge/own_minus_first/count", static_cast<double>(num_compared));
}

JudgeQuestion stored_question(const Judge& judge, const JudgeRow& row, int64_t num_asked) {
  return {.id = row.place,
          .prompt = {.question = row.question,
                     .rubric = judge.rubric_lines(row.rubric),
                     .reference = judge.shown(row.reference),
                     .answer = judge.shown(row.answer),
                     .other_answer = judge.shown(row.other_answer)},
          .num_criteria = row.labels.size(),
          .num_asked = num_asked,
          .num_votes = 0};
}

JudgeMeasure::JudgeMeasure(RunContext& run, const configs::DomainConfig& domain, const Judge& judge,
                           const std::string& stage)
    : run_(run), domain_(domain), judge_(judge), stage_(stage) {
  const configs::JudgeConfig& config = judge.config();
  if (config.heldout_file.empty()) return;
  rows_ = read_judge_rows(config.heldout_file.strings(), judge.form(), domain.reward.interpreter(),
                          run.pool);
  rows_.resize(std::min(rows_.size(), static_cast<size_t>(config.heldout_rows)));
}

JudgeMeasured JudgeMeasure::measure(int64_t step, const proto::WeightsRef& policy,
                                    double temperature,
                                    const std::function<PromptRow(int64_t)>& prompt_of,
                                    const std::vector<proto::Trajectory>& answers) {
  const configs::JudgeConfig& config = judge_.config();
  JudgeMeasured measured;
  std::vector<proto::Trajectory> own, first;
  if (domain_.has_program()) {
    own = answers;
    // What wins among the first ones says nothing of what wins among these.
    const bool is_pairwise = judge_.form() == rewards::VerdictForm::kPairwise;
    if (step > 0 && !is_pairwise) first = first_answers(run_.run_dir, stage_);
  } else {
    std::vector<const proto::Trajectory*> all;
    for (const proto::Trajectory& t : answers) all.push_back(&t);
    measured.score = score_of(all);  // the judge's
  }
  JudgedAnswers own_answers(judge_, domain_, prompt_of, &own),
      first_judged(judge_, domain_, prompt_of, &first);
  std::vector<JudgeQuestion> questions = own_answers.questions(config.votes, config.n);
  const size_t num_own = questions.size();
  for (JudgeQuestion& q : first_judged.questions(config.votes, 0)) {
    q.id += " first";
    questions.push_back(std::move(q));
  }
  const size_t rows_begin = questions.size();
  std::vector<LabelledQuestion> rows;
  for (const JudgeRow& row : rows_) {
    rows.push_back({questions.size(), row.labels, judge_.num_tokens(row.answer)});
    questions.push_back(stored_question(judge_, row, config.n));
  }
  if (questions.empty()) return measured;
  const std::string stage = judge_measure_stage(stage_);
  TrajectoryLog log(trajectory_log_path(run_.run_dir, stage));
  const JudgeReplies replies = judge_.ask({.stage = stage,
                                           .step = step,
                                           .policy = policy,
                                           .use = kUseMeasure,
                                           .temperature = temperature},
                                          questions, log);
  run_.rollouts(tokenizer_dir(run_)).forget(stage, step);
  const auto part = [&](size_t begin, size_t end) {
    JudgeReplies some;
    some.all.assign(replies.all.begin() + static_cast<int64_t>(begin),
                    replies.all.begin() + static_cast<int64_t>(end));
    return some;
  };
  measured.agreement_that_chooses =
      strict_agreement(own_answers.labelled().empty() ? rows : own_answers.labelled(), replies);
  if (!own.empty()) {
    (void)own_answers.reward(part(0, num_own));
    std::vector<const proto::Trajectory*> all;
    for (const proto::Trajectory& t : own) all.push_back(&t);
    measured.score = score_of(all);
    const auto labelled = own_answers.labelled();
    if (!labelled.empty())
      measured.current = rewards::judge_figures(judged_answers(labelled, replies));
  }
  if (!first.empty()) {
    (void)first_judged.reward(part(num_own, rows_begin));
    compare(own, first, &measured);
  }
  if (!rows.empty()) measured.heldout = rewards::judge_figures(judged_answers(rows, replies));
  return measured;
}

}  // namespace amalgam::pipeline
