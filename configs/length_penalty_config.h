#pragma once
#include "configs/effort.h"
#include "configs/schema.h"

namespace amalgam::configs {

// How the length of an answer enters its reward: docs/REWARDS.md.
enum class LengthForm {
  kNone,
  kLinear,
  kEffort,
  kOverlong,
  kKimiK15,
  kEfficient,
  kAlp,
  kL1Exact,
  kL1Max,
  kCosine
};
inline std::vector<std::string> names_of(LengthForm) {
  return {"none",      "linear", "effort",   "overlong", "kimi_k15",
          "efficient", "alp",    "l1_exact", "l1_max",   "cosine"};
}

// len is the number of tokens that the policy wrote, without those that end a turn; window is the
// sample's token budget; an answer is right when its score is at least `correct_score`.
struct LengthPenaltyConfig {
  LengthForm form = LengthForm::kNone;
  Weights k = {};
  double k0 = 0, b_min = 1, tau = 25;
  double cap = 3;
  double norm_length = 1;
  int64_t buffer = 0;
  double factor = 1, floor = 0;
  double alpha = 0, beta = 0, delta = 0.5;
  int64_t target = 0;
  double correct_at_0 = 2, correct_at_max = 1, wrong_at_0 = -10, wrong_at_max = 0, exceed = -10;
  double correct_score = 1;
  int64_t repetition_ngram = 0;
  double repetition_max_penalty = 0;

  bool is_on() const { return form != LengthForm::kNone || repetition_ngram > 0; }
  bool depends_on_effort() const {
    return form == LengthForm::kLinear || form == LengthForm::kEffort;
  }
  // Whether the form is a reward of its own, which takes the score's place; else it is added.
  bool replaces_score() const { return form >= LengthForm::kEfficient; }

  template <class V>
  void visit(V& v) {
    v.value("form", form,
            "formula (docs/REWARDS.md). Added to the score: linear, effort, overlong (DAPO), "
            "kimi_k15; rewards of their own, from whether the answer is right: efficient, alp, "
            "l1_exact, l1_max, cosine; none: length does not count");
    v.value("k", k, between(0, 1e6),
            "linear: -min(cap, k len / norm_length), by effort: none, low, high, max, a number "
            "1...100 or a band as b1-20; rows of an effort without one are refused");
    v.value("k0", k0, between(0, 1e6),
            "effort: the same with k(b) = k0 exp(-(b - b_min) / tau), for efforts b = 1...100");
    v.value("b_min", b_min, between(1, 100), "effort: the b at which k is k0");
    v.value("tau", tau, between(1e-6, 1e6), "effort: how fast k falls with b");
    v.value("cap", cap, between(1e-6, 1e6),
            "linear, effort: the most that length takes. More than the score at stake (1 for right "
            "and wrong), or else a long answer is as good as any longer one");
    v.value("norm_length", norm_length, between(1e-6, 1e9),
            "linear, effort, alp: tokens that k and beta are for");
    v.value("buffer", buffer, between(0, 1 << 20),
            "overlong: factor (window - buffer - len) / buffer where that is below 0, not below "
            "floor: the last tokens of the window cost. verl's overlong_buffer.len, TRL's "
            "soft_punish_cache");
    v.value("factor", factor, between(1e-6, 1e6),
            "overlong: what the whole buffer costs (verl's overlong_buffer.penalty_factor)");
    v.value("floor", floor, between(-1e6, 0),
            "overlong: the lowest penalty; 0: there is none, as in verl; -1 in DAPO and TRL, the "
            "same where factor is 1, as no answer is longer than its window");
    v.value("alpha", alpha, between(0, 1e6),
            "efficient: right answers get 1 - alpha sigmoid((len - mean) / std), over the prompt's "
            "right answers; l1_exact: 1 (right) or 0, less alpha |target - len|; l1_max: right "
            "answers get alpha (target - len) + delta, cut to 0...1");
    v.value("beta", beta, between(0, 1e6),
            "alp: 1 (right) or 0, less beta len / norm_length times the share of the prompt's "
            "answers that are right, at least one's");
    v.value("delta", delta, between(0, 1), "l1_max: what right answers of the target length get");
    v.value("target", target, between(0, 1 << 20), "l1_exact, l1_max: tokens");
    v.value("correct_at_0", correct_at_0, between(-1e6, 1e6),
            "cosine: of a right answer without tokens");
    v.value("correct_at_max", correct_at_max, between(-1e6, 1e6),
            "cosine: of one as long as the window; between them half a cosine");
    v.value("wrong_at_0", wrong_at_0, between(-1e6, 1e6),
            "cosine: of a wrong answer without tokens");
    v.value("wrong_at_max", wrong_at_max, between(-1e6, 1e6),
            "cosine: of one as long as the window");
    v.value("exceed", exceed, between(-1e6, 1e6), "cosine: of an answer that fills the window");
    v.value("correct_score", correct_score, between(-1e6, 1e6),
            "kimi_k15, efficient, alp, l1_exact, l1_max, cosine: lowest score of a right answer");
    v.value("repetition_ngram", repetition_ngram, between(0, 1 << 20),
            "added with any form: repetition_max_penalty times the share of the answer's n-grams "
            "of tokens that stood before in it; 0: none (TRL's get_repetition_penalty_reward)");
    v.value("repetition_max_penalty", repetition_max_penalty, between(-1e6, 0),
            "of an answer that says one thing all the time: 0 or less");
  }

  std::optional<Problem> problem() const;
  // Empty where the form has a penalty for rows of this effort; else why not.
  std::string effort_problem(const std::string& effort) const;
};

}  // namespace amalgam::configs
