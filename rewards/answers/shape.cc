#include "rewards/answers/shape.h"

#include <algorithm>
#include <set>
#include <string>

#include "configs/format.h"
#include "rewards/answers/words.h"

namespace amalgam::rewards {

Score score_think_format(std::string_view solution, bool prompt_opens_thought) {
  constexpr std::string_view kOpen = "<think>", kClose = "</think>";
  if (!prompt_opens_thought) {
    if (!solution.starts_with(kOpen)) return scored(0, "does not begin with <think>");
    solution.remove_prefix(kOpen.size());
  }
  if (solution.find(kOpen) != std::string_view::npos) return scored(0, "a second <think>");
  if (solution.find(kClose) == std::string_view::npos) return scored(0, "no </think>");
  return scored(1, "one thought, then the answer");
}

double repetition_of(std::string_view content, int ngram) {
  const std::string lower = ascii_lower(content);
  const auto words = words_of(lower);
  const auto n = static_cast<size_t>(ngram);
  if (words.size() < n) return 0;
  // Words are parts of one text: an n-gram is a run of them, compared word by word.
  const auto less = [&](size_t a, size_t b) {
    return std::lexicographical_compare(words.begin() + static_cast<std::ptrdiff_t>(a),
                                        words.begin() + static_cast<std::ptrdiff_t>(a + n),
                                        words.begin() + static_cast<std::ptrdiff_t>(b),
                                        words.begin() + static_cast<std::ptrdiff_t>(b + n));
  };
  std::set<size_t, decltype(less)> distinct(less);
  const size_t count = words.size() - n + 1;
  for (size_t i = 0; i < count; ++i) distinct.insert(i);
  return 1 - static_cast<double>(distinct.size()) / static_cast<double>(count);
}

Score score_repetition(std::string_view content, int ngram, double penalty) {
  const double share = repetition_of(content, ngram);
  Score score =
      scored(share * penalty, configs::format_number(100 * share) + " % of n-grams repeat");
  score.parts = {{"repetition", share}};
  return score;
}

Score score_length(int64_t length, int64_t max_length, int64_t buffer) {
  const auto over = static_cast<double>(max_length - buffer - length);
  const double value = std::clamp(over / static_cast<double>(buffer), -1.0, 0.0);
  return scored(value, std::to_string(length) + " tokens");
}

}  // namespace amalgam::rewards
