#include "pipeline/stages/scores_by_length.h"

#include <map>

#include "configs/effort.h"
#include "pipeline/stages/answer_length.h"
#include "pipeline/stages/sampling.h"

namespace amalgam::pipeline {
namespace {

struct Answer {
  int64_t prompt, tokens;
  double reward;
  bool is_forced;
};

// The mean over prompts of the mean of value(answer).
template <class F>
Score mean_over_prompts(const std::vector<Answer>& answers, const F& value) {
  std::map<int64_t, std::pair<double, int64_t>> by_prompt;
  bool is_share = true;
  for (const Answer& a : answers) {
    const double v = value(a);
    by_prompt[a.prompt].first += v;
    ++by_prompt[a.prompt].second;
    is_share = is_share && (v == 0 || v == 1);
  }
  std::vector<double> means;
  for (const auto& [prompt, sum] : by_prompt)
    means.push_back(sum.first / static_cast<double>(sum.second));
  if (means.empty()) return {};
  Score score = score_over_prompts(means);
  score.is_share = is_share;
  return score;
}

std::vector<int64_t> budgets(int64_t longest) {
  std::vector<int64_t> all = {1, 2, 3};
  while (all.back() < longest)
    all.push_back(all.size() % 2 == 1 ? all.back() * 4 / 3 : all.back() * 3 / 2);
  return all;
}

}  // namespace

LengthScores length_scores(const model::Tokenizer& tokenizer,
                           const std::vector<const proto::Trajectory*>& samples, int64_t longest) {
  std::vector<Answer> answers;
  LengthScores scores;
  for (const proto::Trajectory* t : samples) {
    if (!is_answer(*t)) continue;
    answers.push_back({t->meta().group(), answer_length(tokenizer, *t).tokens, t->meta().reward(),
                       t->meta().forced_thinking_ends() > 0});
    if (const auto b = configs::effort_number(t->meta().effort()))
      scores.by_number.add(*b, static_cast<double>(answers.back().tokens));
  }
  scores.tokens =
      mean_over_prompts(answers, [](const Answer& a) { return static_cast<double>(a.tokens); });
  scores.tokens.is_share = false;
  scores.forced_thinking_ends =
      mean_over_prompts(answers, [](const Answer& a) { return a.is_forced ? 1.0 : 0.0; });
  for (const int64_t budget : budgets(longest))
    scores.within.emplace_back(budget, mean_over_prompts(answers, [&](const Answer& a) {
                                 return a.tokens <= budget ? a.reward : 0.0;
                               }));
  return scores;
}

}  // namespace amalgam::pipeline
