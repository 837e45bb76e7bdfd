// How good a judge is: on answers of the model as it is now, and on stored rows.
#pragma once
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/data/judge_rows.h"
#include "pipeline/run_store/run_store.h"
#include "pipeline/run_store/score.h"
#include "pipeline/stages/judge.h"
#include "pipeline/stages/judged_answers.h"
#include "rewards/judge/judge_figures.h"

namespace amalgam::pipeline {

// PREFIX + balanced_accuracy, accuracy, agreement, auc, brier, calibration_error, false_yes,
// false_no, positives, negatives, answers, without_vote, by_position/K, accuracy_shorter,
// accuracy_longer, vote_agreement: as far as they were measured.
void add_judge_figures(const std::string& prefix, const rewards::JudgeFigures& figures,
                       NamedValues* to);

struct JudgeMeasured {
  Score score;                                   // of the answers by the judge; unknown: not judged
  std::optional<rewards::JudgeFigures> current;  // on the answers that have labels
  std::optional<rewards::JudgeFigures> heldout;  // on the stored rows
  // What the judge gives the answers more than those of the stage's first weights that are as good
  // by the audit: the mean difference over equal audits, weighed by the fewer of both; and how many
  // pairs that is.
  std::optional<double> own_minus_first;
  int64_t num_compared = 0;

  // The share of criteria on which single verdicts agree, an unparsed one on none: of the answers
  // with labels, where there are none of the rows.
  std::optional<double> agreement_that_chooses;
  void add_to(NamedValues* figures) const;  // val-judge/…
};

// The question of a stored row.
JudgeQuestion stored_question(const Judge& judge, const JudgeRow& row, int64_t num_asked);

class JudgeMeasure {
 public:
  // `stage`: of the answers. Throws Error for held-out rows that cannot be used.
  JudgeMeasure(RunContext& run, const configs::DomainConfig& domain, const Judge& judge,
               const std::string& stage);

  // `answers` were sampled with `policy`, and scored by the domain's function where it has one;
  // else they have been judged. Every verdict on labels is asked for judge.n times.
  JudgeMeasured measure(int64_t step, const proto::WeightsRef& policy, double temperature,
                        const std::function<PromptRow(int64_t group)>& prompt_of,
                        const std::vector<proto::Trajectory>& answers);

 private:
  RunContext& run_;
  const configs::DomainConfig& domain_;
  const Judge& judge_;
  std::string stage_;
  std::vector<JudgeRow> rows_;
};

}  // namespace amalgam::pipeline
