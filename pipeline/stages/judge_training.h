// What judging is trained on in a step: verdicts on the policy's own labelled answers, and on
// stored rows, each with its reward.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "configs/domain_config.h"
#include "pipeline/data/judge_rows.h"
#include "pipeline/data/prompt_order.h"
#include "pipeline/run_store/run_store.h"
#include "pipeline/stages/judge.h"
#include "pipeline/stages/judged_answers.h"

namespace amalgam::pipeline {

class JudgeTraining {
 public:
  // Reads judge.train_file, where judging is trained. Throws Error for rows that cannot be used.
  JudgeTraining(RunContext& run, const configs::DomainConfig& domain, const Judge& judge,
                const std::string& stage);

  bool has_rows() const { return !rows_.empty(); }

  // Chooses what a step trains on, as judge.ratio says: of `own`, then of the stored rows, whose
  // questions it adds.
  void choose(int64_t step, const std::vector<LabelledQuestion>& own,
              std::vector<JudgeQuestion>* questions);
  // Gives the chosen questions' verdicts their rewards, also in `replies`; adds what it measured.
  void reward(JudgeReplies* replies, NamedValues* figures);

  // The verdicts, of which meta.group is the question, from 0.
  const std::vector<proto::Trajectory>& samples() const { return samples_; }
  int64_t num_groups() const { return static_cast<int64_t>(chosen_.size()); }

 private:
  const configs::DomainConfig& domain_;
  const configs::JudgeConfig& config_;
  const Judge& judge_;
  std::string stage_;
  uint64_t seed_;
  std::vector<JudgeRow> rows_;
  std::optional<PromptOrder> order_;  // of rows_
  std::vector<LabelledQuestion> chosen_;
  size_t num_own_ = 0;  // the first of them
  std::vector<proto::Trajectory> samples_;
};

}  // namespace amalgam::pipeline
