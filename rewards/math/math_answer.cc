#include "rewards/math/math_answer.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "configs/utf8.h"

namespace amalgam::rewards {
namespace {

// All numbers of a text in order. A sign belongs to the number only if nothing that could be an
// operand stands before it ("12-5" holds 12 and 5, "x = -5" holds -5); digits inside a word (x2)
// are no number.
std::vector<Rational> numbers(std::string_view text) {
  std::vector<Rational> found;
  size_t i = 0;
  while (i < text.size()) {
    const unsigned char before = i == 0 ? ' ' : static_cast<unsigned char>(text[i - 1]);
    const bool is_sign = text[i] == '-' || text[i] == '+' || text.substr(i, 3) == "\u2212";
    const bool after_operand = std::isalnum(before) || before == ')' || before == '_';
    size_t end = i;
    const auto number = after_operand ? std::nullopt : read_number(text, &end);
    if (number) {
      found.push_back(*number);
      i = end;
    } else if (is_sign || !std::isalnum(static_cast<unsigned char>(text[i]))) {
      ++i;
      // "12-5": the digit right after a binary sign begins a number of its own.
      if (after_operand && is_sign && i < text.size()) {
        end = i;
        if (const auto operand = read_number(text, &end)) {
          found.push_back(*operand);
          i = end;
        }
      }
    } else {
      while (i < text.size() && std::isalnum(static_cast<unsigned char>(text[i]))) ++i;
    }
  }
  return found;
}

// The content of the last \boxed{…}, braces balanced.
std::optional<std::string_view> last_box(std::string_view text) {
  const std::string_view opening = "\\boxed{";
  const size_t at = text.rfind(opening);
  if (at == std::string_view::npos) return std::nullopt;
  const size_t begin = at + opening.size();
  int depth = 1;
  for (size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return text.substr(begin, i - begin);
  }
  return text.substr(begin);
}

// What follows the last marker of an answer; the whole text without one.
std::optional<std::string_view> after_marker(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  size_t best = std::string::npos;
  for (const std::string_view marker : {"answer is", "answer:", "answer =", "####"}) {
    const size_t at = lower.rfind(marker);
    if (at != std::string::npos && (best == std::string::npos || at + marker.size() > best))
      best = at + marker.size();
  }
  if (best == std::string::npos) return std::nullopt;
  return text.substr(best);
}

// The one number that a ground truth is.
std::optional<Rational> true_number(const std::string& ground_truth) {
  const auto json = nlohmann::json::parse(ground_truth, nullptr, /*allow_exceptions=*/false);
  // A JSON number is taken by its spelling, so that no digit is lost in a double.
  std::string expected;
  if (json.is_string()) expected = json.get<std::string>();
  if (json.is_number()) expected = ground_truth;
  const auto truths = numbers(expected);
  if (truths.size() != 1) return std::nullopt;
  return truths[0];
}

}  // namespace

std::optional<Rational> final_number(const std::string& solution) {
  if (const auto box = last_box(solution)) {
    const auto inside = numbers(*box);
    if (inside.size() != 1) return std::nullopt;
    return inside[0];
  }
  if (const auto tail = after_marker(solution)) {
    const auto found = numbers(*tail);
    if (!found.empty()) return found.front();
  }
  const auto found = numbers(solution);
  if (found.empty()) return std::nullopt;
  return found.back();
}

std::optional<std::string> problem_of_number(const std::string& ground_truth) {
  if (true_number(ground_truth)) return std::nullopt;
  return "ground truth " + shortened_utf8(ground_truth, 80) + " is not one number";
}

Score score_math_answer(const std::string& solution, const std::string& ground_truth) {
  const auto truth = true_number(ground_truth);
  if (!truth) return failed(Status::kBadRow, *problem_of_number(ground_truth));
  const auto answer = final_number(solution);
  if (!answer) return scored(0, "no number in the answer");
  Score score = equal(*answer, *truth) ? scored(1, "equal") : scored(0, "another number");
  score.answer = spelled(*answer);
  return score;
}

}  // namespace amalgam::rewards
