#include "pipeline/stages/scores_by_length.h"

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

template <class F>
Score mean_of(const std::vector<Answer>& answers, const F& value) {
  std::vector<std::pair<int64_t, double>> values;
  for (const Answer& a : answers) values.emplace_back(a.prompt, value(a));
  return mean_over_prompts(values);
}

std::vector<int64_t> budgets(int64_t longest) {
  std::vector<int64_t> all = {1, 2, 3};
  while (all.back() < longest)
    all.push_back(all.size() % 2 == 1 ? all.back() * 4 / 3 : all.back() * 3 / 2);
  return all;
}

}  // namespace

LengthScores length_scores(const model::Tokenizer& tokenizer,
                           const std::vector<proto::Trajectory>& samples, int64_t longest) {
  std::vector<Answer> answers;
  LengthScores scores;
  for (const proto::Trajectory& t : samples) {
    if (!is_answer(t)) continue;
    answers.push_back({t.meta().group(), answer_length(tokenizer, t).tokens, t.meta().reward(),
                       t.meta().forced_thinking_ends() > 0});
    if (const auto b = configs::effort_number(t.meta().effort()))
      scores.by_number.add(*b, static_cast<double>(answers.back().tokens));
  }
  scores.tokens = mean_of(answers, [](const Answer& a) { return static_cast<double>(a.tokens); });
  scores.tokens.is_share = false;
  scores.forced_thinking_ends =
      mean_of(answers, [](const Answer& a) { return a.is_forced ? 1.0 : 0.0; });
  for (const int64_t budget : budgets(longest))
    scores.within.emplace_back(budget, mean_of(answers, [&](const Answer& a) {
                                 return a.tokens <= budget ? a.reward : 0.0;
                               }));
  return scores;
}

}  // namespace amalgam::pipeline
