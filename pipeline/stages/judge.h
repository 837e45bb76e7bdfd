// A judge: the policy itself, or weights that stay as they are, asked for verdicts on answers.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "configs/judge_config.h"
#include "model/tokenizer/tokenizer.h"
#include "pipeline/run_store/trajectory_log.h"
#include "pipeline/stages/run_context.h"
#include "pipeline/workers/rollout_pool.h"
#include "proto/worker.pb.h"
#include "rewards/judge/judge_reward.h"
#include "rewards/judge/judge_template.h"
#include "rewards/judge/verdict.h"

namespace amalgam::pipeline {

// The stages, and so the logs, of verdicts on a stage's answers: those that score them, and those
// that measure the judge.
std::string judge_stage(const std::string& stage);
std::string judge_measure_stage(const std::string& stage);
// What the answers of one of several domains in a stage are called there.
std::string domain_answers(const std::string& stage, const std::string& domain);

// One prompt for the judge.
struct JudgeQuestion {
  std::string id;  // of what is judged: "joint-train-17 3"
  rewards::JudgePrompt prompt;
  size_t num_criteria = 1;
  int64_t num_asked = 1;  // verdicts
  // How many of them, the first, count for the answer: one of these that cannot be parsed is asked
  // for again.
  int64_t num_votes = 0;
};

struct JudgeReply {
  std::vector<proto::Trajectory> samples;  // [num_asked]: the judge's messages
  std::vector<rewards::Verdict> verdicts;  // of each
  std::vector<proto::Trajectory> again;    // messages that were asked for again
  std::vector<std::vector<double>> votes;  // parsed ones that count, those asked again among them
  std::string problem;                     // of the last one that could not be parsed
};

struct JudgeReplies {
  std::vector<JudgeReply> all;  // of each question
  int64_t asked_again = 0;
  CollectFigures figures;
};

// What a collection of verdicts is for.
struct JudgeCall {
  std::string stage;  // of the verdicts
  int64_t step = 0;
  proto::WeightsRef policy;  // that judges, if the config says so
  uint64_t use = 0;          // its random numbers are stage_stream(stage, use)
  double temperature = 1;
  bool keep_experts = false, keep_index = false;
};

// The file that the config names, or the built-in one. Throws Error "FILE:LINE: …".
rewards::JudgeTemplate judge_template(const configs::JudgeConfig& config);
rewards::VerdictForm verdict_form(configs::JudgeForm form);
// Throws Error where the config names a model whose tokenizer is another one.
void require_same_tokenizer(const configs::JudgeConfig& config, const model::Tokenizer& tokenizer);

class Judge {
 public:
  // Throws Error for a template that has no place for an answer, and for another model whose
  // tokenizer is not the run's.
  Judge(RunContext& run, const configs::DomainConfig& domain);

  const configs::JudgeConfig& config() const { return config_; }
  rewards::VerdictForm form() const;
  const model::Tokenizer& tokenizer() const { return tokenizer_; }

  // The answer on one line of literal text, at most max_answer_tokens of it; *is_cut: there was
  // more.
  std::string shown(const std::string& answer, bool* is_cut = nullptr) const;
  int64_t num_tokens(const std::string& answer) const;
  std::string rubric_lines(const rewards::Rubric& rubric) const;

  // Samples the verdicts, which are durable one by one in `log`, which is the stage's: those of an
  // interrupted collection are not sampled again. Their records have no reward.
  JudgeReplies ask(const JudgeCall& call, const std::vector<JudgeQuestion>& questions,
                   TrajectoryLog& log) const;

 private:
  proto::SampleGroup group_of(const JudgeQuestion& question, int64_t number) const;
  rewards::Verdict verdict_of(const proto::Trajectory& t, const JudgeQuestion& question,
                              std::string* problem) const;

  RunContext& run_;
  std::string domain_;
  const configs::JudgeConfig& config_;
  model::Tokenizer tokenizer_;
  std::vector<std::string> special_strings_;
  rewards::JudgeTemplate template_;
};

// The text of the last message that the policy wrote, without reasoning; empty: there is none.
std::string final_text(const model::Tokenizer& tokenizer, const proto::Trajectory& trajectory,
                       bool thinking);

}  // namespace amalgam::pipeline
