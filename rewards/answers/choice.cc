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
  for (const std::string_view marker : {"answer is", "answer:", "answer**:", "choice is",
                                        "choice:", "option is", "option:", "####"}) {
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

bool is_choice(char c) { return is_letter(c) && (c & ~0x20) <= kLast; }

// Whether another choice stands in a text as a letter alone: "or B", "(C)", "B. C."; not as a
// word's beginning, an article or a pronoun.
bool has_choice(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (!is_choice(text[i]) || (i > 0 && is_word(text[i - 1])) ||
        (i + 1 < text.size() && (is_word(text[i + 1]) || text[i + 1] == '\'')))
      continue;
    const bool is_marked = (i > 0 && text[i - 1] == '(') ||
                           (i + 1 < text.size() && (text[i + 1] == ')' || text[i + 1] == '.'));
    if (is_marked || (text[i] >= 'B' && text[i] <= 'H')) return true;
  }
  return false;
}

// What joins choices: "A or B", "A, B", "A/B", "B or maybe C".
bool is_joined(std::string_view tail) {
  for (const std::string_view joint : {"or ", "and ", ",", "/", "&", "nor "})
    if (ascii_lower(tail.substr(0, joint.size())) == joint) return true;
  return false;
}

// The letter at the beginning of a text, where it is one alone or heads the choice's own text.
// is_said: something announced it, so that "A because …" is a choice and not an article.
std::optional<char> leading_letter(std::string_view text, bool is_said) {
  const bool is_marked = is_said || (!text.empty() && stripped(text).starts_with('('));
  const std::string_view rest = without_prefix(text);
  if (rest.empty() || !is_choice(rest[0])) return std::nullopt;
  if (rest.size() > 1 && (is_word(rest[1]) || rest[1] == '\'')) return std::nullopt;
  const char letter = static_cast<char>(rest[0] & ~0x20);
  std::string_view tail = stripped(rest.substr(1));
  while (!tail.empty() && std::string_view(")]}*$.:'\"`").find(tail[0]) != kNone)
    tail = stripped(tail.substr(1));
  // Another choice right behind it, or joined to it.
  const std::string_view next = without_prefix(tail);
  const bool is_followed =
      !next.empty() && is_choice(next[0]) && next[0] < 'a' &&
      (next.size() == 1 || (!is_word(next[1]) && next[1] != ' ' && next[1] != '\''));
  if (is_followed || (is_joined(tail) && has_choice(tail))) return std::nullopt;
  // "a number" and "I think" begin with words: a small letter, and A or I before a word, is a
  // choice only where something says so.
  const bool ends = rest.size() == 1 || rest[1] != ' ';
  if (ends) return letter;
  if (is_marked) return rest[0] >= 'a' && letter == 'A' ? std::nullopt : std::optional(letter);
  return rest[0] >= 'B' && rest[0] <= 'H' ? std::optional(letter) : std::nullopt;
}

}  // namespace

std::optional<char> chosen_letter(std::string_view content) {
  if (const Boxes boxes = last_boxes(content); boxes.any) {
    if (boxes.contents.size() != 1) return std::nullopt;
    return leading_letter(boxes.contents[0], true);
  }
  if (const std::string_view said = after_marker(content); !said.empty())
    return leading_letter(said, true);
  const std::string_view all = stripped(content);
  const size_t end = all.rfind("</answer>");
  const size_t begin = end == kNone ? kNone : all.rfind("<answer>", end);
  if (begin != kNone) return leading_letter(all.substr(begin + 8, end - begin - 8), true);
  return leading_letter(all, false);
}

std::optional<char> true_letter(const std::string& ground_truth) {
  const auto truth = nlohmann::json::parse(ground_truth, nullptr, /*allow_exceptions=*/false);
  if (truth.is_number_unsigned()) {
    const auto place = truth.get<uint64_t>();
    if (place > static_cast<uint64_t>(kLast - 'A')) return std::nullopt;
    return static_cast<char>('A' + place);
  }
  if (!truth.is_string()) return std::nullopt;
  return leading_letter(truth.get<std::string>(), false);
}

Score score_choice(std::string_view content, char truth) {
  const auto letter = chosen_letter(content);
  if (!letter) return scored(0, "no choice");
  Score score = *letter == truth ? scored(1, "equal") : scored(0, "another choice");
  score.answer = std::string(1, *letter);
  return score;
}

}  // namespace amalgam::rewards
