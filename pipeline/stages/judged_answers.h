// Answers on their way through a judge: what it is asked of them, and what they get for what it
// says.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "configs/domain_config.h"
#include "configs/error.h"
#include "pipeline/stages/domain_rows.h"
#include "pipeline/stages/judge.h"
#include "proto/trajectory.pb.h"
#include "rewards/judge/judge_figures.h"
#include "rewards/judge/rubric.h"

namespace amalgam::pipeline {

// The column of a row whose text is shown to the judge as an answer to compare with.
inline constexpr char kReferenceColumn[] = "reference";

// A judge said nothing that could be parsed, of any answer.
struct NoVerdict : Error {
  using Error::Error;
};

// What a judge needs to know of a prompt's row.
struct RubricPrompt {
  std::string question;  // the text of the last user message
  rewards::Rubric rubric;
  std::string reference;  // empty: there is none
};
// Throws Error, without a place, for a row that cannot be judged.
RubricPrompt rubric_prompt(const Row& row);

// A question whose right answer is known.
struct LabelledQuestion {
  size_t question;             // its place
  std::vector<double> labels;  // [criterion]; pairwise one: what the first answer wins
  int64_t num_tokens;          // of the answer
};

class JudgedAnswers {
 public:
  // Of all samples of some prompts, by group; `trajectories` outlives it. An earlier judge's
  // rewards are forgotten; rewards of the domain's function become audits.
  JudgedAnswers(const Judge& judge, const configs::DomainConfig& domain,
                const std::function<PromptRow(int64_t group)>& prompt_of,
                std::vector<proto::Trajectory>* trajectories);

  // Each verdict's question: one of each answer, or of each ordered pair of answers of a group.
  // num_labelled: verdicts on what has labels.
  std::vector<JudgeQuestion> questions(int64_t votes, int64_t num_labelled) const;
  std::vector<LabelledQuestion> labelled() const;
  // Gives every answer its reward and parts, by the first replies, and masks those without a parsed
  // verdict.
  struct Rewarded {
    int64_t num_masked = 0;
    std::string problem;  // of answers that are all masked: why; empty: they are not
    void require_some(const std::string& where) const;  // throws NoVerdict
  };
  Rewarded reward(const JudgeReplies& replies);
  int64_t num_audited() const;                  // judged answers that the function scored
  int64_t num_cut() const { return num_cut_; }  // answers that the judge is not shown whole

 private:
  struct Answer {
    size_t trajectory;  // its place
    int64_t group;
    std::string text;            // as it is shown
    const char* incomplete;      // "truncated" or "empty": not judged; null: it is
    std::vector<double> labels;  // empty: it has none
    std::optional<double> audit;
  };
  struct Pair {
    size_t first, second;  // answers
  };
  double incomplete_score(const char* kind) const;
  void set_reward(const Answer& answer, double reward, const std::vector<double>& criteria);
  std::vector<Pair> pairs_of(size_t begin, size_t end) const;
  std::optional<double> winner(const Pair& pair) const;  // by the audits

  const Judge& judge_;
  const configs::RewardConfig& config_;
  std::vector<proto::Trajectory>& trajectories_;
  std::map<int64_t, RubricPrompt> prompts_;  // by group
  std::vector<Answer> answers_;              // that are samples with an answer
  std::vector<size_t> judged_;               // of them
  std::vector<Pair> pairs_;                  // of a pairwise judge
  int64_t num_cut_ = 0;
};

// Verdicts on labelled questions, to be measured.
std::vector<rewards::JudgedAnswer> judged_answers(const std::vector<LabelledQuestion>& labelled,
                                                  const JudgeReplies& replies);

}  // namespace amalgam::pipeline
