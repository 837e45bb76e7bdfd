#include "rewards/math/math_answer.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "configs/utf8.h"
#include "rewards/math/compare.h"
#include "rewards/math/final_answer.h"
#include "rewards/math/number.h"

namespace amalgam::rewards {
namespace {

// The alternatives of a ground truth; none of use: an empty list.
std::vector<std::string> truths_of(const std::string& ground_truth) {
  std::vector<std::string> truths;
  // A number, which most are, is taken by its spelling, so that no digit is lost in a double.
  const auto add = [&](const nlohmann::json& json, const std::string& spelling) {
    std::string text;
    if (json.is_string()) text = json.get<std::string>();
    if (json.is_number() && !spelling.empty()) text = spelling;
    if (text.find_first_not_of(" \t\n\r$") == std::string::npos) return false;
    truths.push_back(std::move(text));
    return true;
  };
  const auto json = nlohmann::json::parse(ground_truth, nullptr, /*allow_exceptions=*/false);
  if (json.is_array()) {
    for (const auto& one : json)
      if (!add(one, "")) return {};
  } else {
    add(json, ground_truth);
  }
  return truths;
}

// A text that is one plain number, possibly between dollars; most answers are.
std::optional<Rational> plain_number(std::string_view text) {
  constexpr size_t kMaxBytes = 60;
  if (text.size() > kMaxBytes) return std::nullopt;
  const auto is_edge = [](char c) { return c == ' ' || c == '\n' || c == '$'; };
  while (!text.empty() && is_edge(text.front())) text.remove_prefix(1);
  while (!text.empty() && (is_edge(text.back()) || text.back() == '.')) text.remove_suffix(1);
  size_t end = 0;
  auto number = read_number(text, &end);
  if (!number || end != text.size()) return std::nullopt;
  return number;
}

Score verdict(bool right, std::string answer, const char* why) {
  Score score = right ? scored(1, "equal") : scored(0, why);
  score.answer = std::move(answer);
  return score;
}

}  // namespace

std::optional<std::string> problem_of_math(const std::string& ground_truth) {
  if (!truths_of(ground_truth).empty()) return std::nullopt;
  return "ground truth " + shortened_utf8(ground_truth, 80) +
         " is no number, text, or list of texts";
}

Score score_math_answer(const std::string& solution, const std::string& ground_truth) {
  const std::vector<std::string> truths = truths_of(ground_truth);
  if (truths.empty()) return failed(Status::kBadRow, *problem_of_math(ground_truth));
  const FinalAnswer found = find_answer(solution);
  if (found.where == FinalAnswer::Where::kNowhere) return scored(0, "no answer");
  if (truths.size() == 1 && found.texts.size() == 1) {
    const auto answer = plain_number(found.texts[0]);
    const auto truth = answer ? plain_number(truths[0]) : std::nullopt;
    if (truth) return verdict(equal(*answer, *truth), spelled(*answer), "another number");
  }
  const auto answer = read_answer(found);
  if (!answer) return scored(0, "no answer");
  bool right = false;
  for (const std::string& truth : truths) right = right || is_same(read(truth), *answer);
  const bool unread = !answer->tree && answer->words.empty();
  return verdict(right, spelled(*answer),
                 unread ? "an answer that cannot be read" : "another answer");
}

}  // namespace amalgam::rewards
