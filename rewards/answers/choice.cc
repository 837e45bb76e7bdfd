#include "rewards/answers/choice.h"

#include <nlohmann/json.hpp>

#include "rewards/answers/words.h"
#include "rewards/math/boxes.h"

namespace amalgam::rewards {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr char kLast = 'J';

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool is_word(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || (c & 0x80); }

std::string_view after_marker(std::string_view text) {
  const std::string lower = ascii_lower(text);
  size_t best = 0;
  for (const std::string_view marker :
       {"answer is", "answer:", "answer**:", "choice is", "option is", "####"}) {
    const size_t at = lower.rfind(marker);
    if (at != std::string::npos) best = std::max(best, at + marker.size());
  }
  if (best == 0) return {};
  std::string_view rest = stripped(text.substr(best));
  return rest.substr(0, rest.find('\n'));
}

// Removes what may stand around a letter: \text{, $, *, (, :, and words of an announcement.
std::string_view without_prefix(std::string_view text) {
  for (;;) {
    text = stripped(text);
    const std::string_view before = text;
    for (const std::string_view prefix :
         {"\\textbf{", "\\text{", "\\mathrm{", "\\mathbf{", "\\(", "\\[", "$", "*", "(", "[", "{",
          ":", "\"", "'", "`", "<answer>"})
      if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
    for (const std::string_view word : {"option ", "choice ", "letter ", "answer "})
      if (ascii_lower(text.substr(0, word.size())) == word) text.remove_prefix(word.size());
    if (text == before) return text;
  }
}

// The letter at the beginning of a text, where it is one alone or heads the choice's own text.
std::optional<char> leading_letter(std::string_view text) {
  const bool is_marked = !text.empty() && stripped(text).starts_with('(');
  const std::string_view rest = without_prefix(text);
  if (rest.empty() || !is_letter(rest[0])) return std::nullopt;
  const char letter = static_cast<char>(rest[0] & ~0x20);
  if (letter > kLast || (rest.size() > 1 && is_word(rest[1]))) return std::nullopt;
  // Other choices beside it: "A or B", "A, B", "A and (C)", "A/B".
  std::string_view tail = stripped(rest.substr(1));
  while (!tail.empty() && std::string_view(")]}*$.:'\"`").find(tail[0]) != kNone)
    tail = stripped(tail.substr(1));
  for (const std::string_view joint : {"or ", "and ", ",", "/", "&", "nor "})
    if (ascii_lower(tail.substr(0, joint.size())) == joint) {
      const std::string_view other = without_prefix(tail.substr(joint.size()));
      if (!other.empty() && is_letter(other[0]) && (other[0] & ~0x20) <= kLast &&
          (other.size() == 1 || !is_word(other[1])))
        return std::nullopt;
    }
  // "a number" and "I think" begin with words: a lower-case letter, and a letter before a word, is
  // a choice only where something marks it.
  const bool ends = rest.size() == 1 || rest[1] != ' ';
  if (!ends && !is_marked && !(rest[0] >= 'B' && rest[0] <= 'H')) return std::nullopt;
  return letter;
}

}  // namespace

std::optional<char> chosen_letter(std::string_view content) {
  if (const Boxes boxes = last_boxes(content); boxes.any) {
    if (boxes.contents.size() != 1) return std::nullopt;
    return leading_letter(boxes.contents[0]);
  }
  if (const std::string_view said = after_marker(content); !said.empty())
    return leading_letter(said);
  const std::string_view all = stripped(content);
  const size_t end = all.rfind("</answer>");
  const size_t begin = end == kNone ? kNone : all.rfind("<answer>", end);
  if (begin != kNone) return leading_letter(all.substr(begin + 8, end - begin - 8));
  return leading_letter(all);
}

std::optional<char> true_letter(const std::string& ground_truth) {
  const auto truth = nlohmann::json::parse(ground_truth, nullptr, /*allow_exceptions=*/false);
  if (truth.is_number_unsigned()) {
    const auto place = truth.get<uint64_t>();
    if (place > static_cast<uint64_t>(kLast - 'A')) return std::nullopt;
    return static_cast<char>('A' + place);
  }
  if (!truth.is_string()) return std::nullopt;
  return leading_letter(truth.get<std::string>());
}

Score score_choice(std::string_view content, char truth) {
  const auto letter = chosen_letter(content);
  if (!letter) return scored(0, "no choice");
  Score score = *letter == truth ? scored(1, "equal") : scored(0, "another choice");
  score.answer = std::string(1, *letter);
  return score;
}

}  // namespace amalgam::rewards
