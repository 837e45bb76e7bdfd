// How answers that no rule can check are judged, through the rubric of their row: docs/REWARDS.md.
#pragma once
#include "configs/mode.h"
#include "configs/schema.h"

namespace amalgam::configs {

// What a verdict says.
enum class JudgeForm { kNone, kYesNo, kPoints, kPairwise };
inline std::vector<std::string> names_of(JudgeForm) {
  return {"none", "yes_no", "points", "pairwise"};
}

// Whose weights judge.
enum class JudgeWeights { kPolicy, kBase };
inline std::vector<std::string> names_of(JudgeWeights) { return {"policy", "base"}; }

// What a verdict on a labelled answer is worth to the judge.
enum class JudgeReward { kAgreement, kBrier };
inline std::vector<std::string> names_of(JudgeReward) { return {"agreement", "brier"}; }

struct JudgeConfig {
  JudgeForm form = JudgeForm::kNone;
  JudgeWeights weights = JudgeWeights::kPolicy;
  Path model = {};  // directory
  Path template_file = {};
  Mode mode = Mode::kThinking;
  int64_t max_points = 10;
  int64_t votes = 1;
  int64_t retries = 2;
  int64_t opponents = 0;
  int64_t max_answer_tokens = 1024;
  int64_t max_response_length = 256;
  double ratio = 1;
  int64_t n = 8;
  JudgeReward reward = JudgeReward::kAgreement;
  double label_share = 0.125;
  Paths train_file = {}, heldout_file = {};
  int64_t heldout_rows = 200;

  bool is_on() const { return form != JudgeForm::kNone; }
  // Whether the policy that is trained judges; else weights that stay as they are.
  bool is_policy() const { return model.empty() && weights == JudgeWeights::kPolicy; }
  bool is_trained() const { return is_on() && is_policy() && ratio > 0; }

  template <class V>
  void visit(V& v) {
    v.value("form", form,
            "what a verdict says of an answer: yes_no: whether it meets each criterion of its "
            "row's rubric; points: how far, 0 to max_points; pairwise: which of two answers to a "
            "prompt is the better one; none: no judge. With a judge the domain's reward_file "
            "rewards nothing: it audits, and gives labels (label_share)");
    v.value(
        "weights", weights,
        "whose weights judge: policy: those that wrote the answers; base: the run's base model's, "
        "of `amalgam rl` those of --model, which stay as they are");
    v.value("model", model,
            "model directory of another judge, with the same tokenizer; goes before weights");
    v.value("template", template_file,
            "text file: what the judge is asked, with the places {question}, {rubric}, {reference} "
            "and {answer}, pairwise {answer_a} and {answer_b}; empty: the built-in one");
    v.value("mode", mode, "thinking: verdicts come after reasoning; chat: they do not");
    v.value("max_points", max_points, between(1, 1000), "points: the most of a criterion");
    v.value("votes", votes, between(1, 64), "verdicts on an answer; their mean counts");
    v.value("retries", retries, between(0, 16),
            "how often a verdict that cannot be parsed is asked for again, with another key; an "
            "answer left without one is masked");
    v.value("opponents", opponents, between(0, 4096),
            "pairwise: with how many answers of its group each is compared, in both orders; 0: "
            "all");
    v.value("max_answer_tokens", max_answer_tokens, between(1, 1 << 20),
            "tokens of an answer that the judge is shown; what is beyond is left out and counted");
    v.value("max_response_length", max_response_length, between(1, 1 << 20),
            "tokens of a judge's message");
    v.value(
        "ratio", ratio, between(0, 1000),
        "labelled answers that judging is trained on in a step, for each prompt of "
        "data.train_batch_size, in the same updates: first the policy's own (label_share), then "
        "rows of train_file; 0: judging is not trained; of a judge that is the policy");
    v.value("n", n, between(2, 4096), "verdicts on each labelled answer");
    v.value("reward", reward,
            "of a verdict on a labelled answer: agreement: the share of the criteria on which it "
            "agrees; brier: what it adds to the Brier score of the mean of the n verdicts. One "
            "that cannot be parsed has 0");
    v.value("label_share", label_share, between(0, 1),
            "share of a step's answers, drawn at random, that reward_file labels: it returns "
            "{\"score\": …, \"labels\": [1, 0, …]}, a label for each criterion. They measure the "
            "judge, and train it; pairwise, a share of the prompts with all their answers, whose "
            "scores are compared");
    v.value("train_file", train_file,
            "rows {\"prompt\", \"answer\", \"rubric\", \"labels\"} that judging is trained on, as "
            "`amalgam judge import` makes of people's labels (docs/REWARDS.md)");
    v.value("heldout_file", heldout_file,
            "the same, on which judging is measured alone, at every validation and at the end");
    v.value("heldout_rows", heldout_rows, between(1, 1e9), "how many of them, the first ones");
  }

  std::optional<Problem> problem() const {
    if (form == JudgeForm::kPairwise && reward == JudgeReward::kBrier)
      return Problem{"reward", "brier is about criteria; of pairwise verdicts use agreement"};
    return std::nullopt;
  }
};

}  // namespace amalgam::configs
