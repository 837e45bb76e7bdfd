#include "rewards/math/words.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <vector>

#include "configs/utf8.h"

namespace amalgam::rewards {
namespace {

bool is_ascii_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

// A byte of a letter beyond ASCII: of any character but U+2000 to U+2BFF, which are signs.
bool of_foreign_letter(std::string_view text, size_t at) {
  size_t begin = at;
  while (begin > 0 && continues_utf8(text[begin])) --begin;
  const auto lead = static_cast<unsigned char>(text[begin]);
  if (lead < 0xC3) return false;  // up to U+00BF: signs
  return lead != 0xE2 ||
         (begin + 1 < text.size() && static_cast<unsigned char>(text[begin + 1]) >= 0xB0);
}

// Without \text{} and the like, dollars, stars and LaTeX's spaces; as it is otherwise.
std::string unwrapped(std::string_view text) {
  constexpr std::string_view kWrappers[] = {
      "text",   "textbf", "textit",       "textrm",       "mbox", "mathrm", "mathbf",
      "mathit", "mathsf", "operatorname", "textnormal",   "emph", "boxed",  "fbox",
      "bf",     "rm",     "it",           "displaystyle", "left", "right",  "hbox",
      "textsf", "texttt", "underline",    "bold"};
  std::string out;
  std::vector<bool> of_wrapper;  // open braces
  bool wrapper = false;          // a command whose braces vanish was the last token
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size() && is_ascii_letter(text[i + 1])) {
      size_t end = i + 1;
      while (end < text.size() && is_ascii_letter(text[end])) ++end;
      const std::string_view name = text.substr(i + 1, end - i - 1);
      if (std::find(std::begin(kWrappers), std::end(kWrappers), name) != std::end(kWrappers)) {
        wrapper = true;
      } else if (name == "quad" || name == "qquad") {
        out += ' ';
      } else if (name == "colon") {
        out += ':';
      } else {
        out += text.substr(i, end - i);
      }
      i = end - 1;
      continue;
    }
    if (c == '\\' && i + 1 < text.size()) {
      const char next = text[++i];
      if (std::string_view(",;: ~").find(next) != std::string_view::npos)
        out += ' ';
      else if (std::string_view("!()[]").find(next) == std::string_view::npos)
        (out += '\\') += next;
    } else if (c == '{') {
      // Braces that hold nothing together ("3{:}30", "{B}") vanish as well.
      const size_t close = text.find('}', i);
      const bool single = close != std::string_view::npos && close - i == 2 &&
                          (i == 0 || (text[i - 1] != '^' && text[i - 1] != '_' &&
                                      text[i - 1] != '}' && !is_ascii_letter(text[i - 1])));
      of_wrapper.push_back(wrapper || single);
      if (!of_wrapper.back()) out += c;
      wrapper = false;
    } else if (c == '}') {
      const bool vanishes = !of_wrapper.empty() && of_wrapper.back();
      if (!of_wrapper.empty()) of_wrapper.pop_back();
      if (!vanishes) out += c;
    } else if (c == '~' || c == '\n' || c == '\t' || c == '\r') {
      out += ' ';
    } else if (c != '$' && c != '*' && c != '`' && c != '"') {
      out += c;
      if (c != ' ') wrapper = false;
    }
  }
  // One space between words, none at the ends.
  std::string spaced;
  for (const char c : out)
    if (c != ' ' || (!spaced.empty() && spaced.back() != ' ')) spaced += c;
  while (!spaced.empty() && spaced.back() == ' ') spaced.pop_back();
  return spaced;
}

bool is_choice_letter(char c) { return c >= 'A' && c <= 'H'; }
constexpr size_t kMaxChoiceBytes = 400;

}  // namespace

std::string words_of(std::string_view ascii) {
  std::string words = unwrapped(ascii);
  for (char& c : words) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  while (!words.empty() && (words.back() == '.' || words.back() == ' ' || words.back() == '!'))
    words.pop_back();
  return words;
}

std::string wording(std::string_view words) {
  bool letters = false;
  std::string text;
  const auto letter_at = [&](size_t i) {
    return i < words.size() && (is_ascii_letter(words[i]) || of_foreign_letter(words, i));
  };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (size_t i = 0; i < words.size(); ++i) {
    const char c = words[i];
    const bool letter = letter_at(i);
    letters = letters || letter;
    if (!letter && !is_digit(c) &&
        std::string_view(" -',.:;()/?").find(c) == std::string_view::npos)
      return "";
    // What belongs to the spelling of words: "x-axis", "doesn't", "a.m."; not a - b, f'(x), 1.5.
    size_t before = i;  // a prime's letter
    while (c == '\'' && before > 0 && words[before - 1] == '\'') --before;
    const bool prime = c == '\'' && before > 0 && letter_at(before - 1) &&
                       (before == 1 || !letter_at(before - 2)) && !letter_at(i + 1);
    if (c == '-' && letter_at(i + 1) && (letter_at(i + 2) || (i > 1 && letter_at(i - 2))))
      text += ' ';
    else if (c == '?' || (c == '.' && !(i + 1 < words.size() && is_digit(words[i + 1]))))
      continue;
    else if (c != '\'' || prime)
      text += c;
  }
  if (!letters) return "";
  for (const std::string_view article : {"the ", "an ", "a "})
    if (text.starts_with(article)) text.erase(0, article.size());
  struct Synonym {
    std::string_view said, meant;
  };
  constexpr Synonym kSynonyms[] = {
      {"does not exist", "dne"},
      {"doesnt exist", "dne"},
      {"limit does not exist", "dne"},
      {"it does not exist", "dne"},
      {"not defined", "undefined"},
      {"is undefined", "undefined"},
      {"no solutions", "no solution"},
      {"there is no solution", "no solution"},
      {"there are no solutions", "no solution"},
      {"no real solutions", "no real solution"},
      {"infinitely many solutions", "infinitely many"},
  };
  for (const Synonym& s : kSynonyms)
    if (text == s.said) return std::string(s.meant);
  return text;
}

std::optional<char> choice_alone(std::string_view ascii) {
  if (ascii.size() > kMaxChoiceBytes) return std::nullopt;
  std::string text = unwrapped(ascii);
  if (text.ends_with('.')) text.pop_back();
  if (text.size() == 3 && text.front() == '(' && text.back() == ')') text = text.substr(1, 1);
  if (text.size() == 2 && text.back() == ')') text.pop_back();
  if (text.size() != 1 || !is_choice_letter(text[0])) return std::nullopt;
  return text[0];
}

std::optional<std::string> behind_choice(std::string_view ascii) {
  // "\textbf{(B) }12", "B) 12", "B. 12"
  if (ascii.size() > kMaxChoiceBytes) return std::nullopt;
  const size_t mark = ascii.find_first_of("().");
  if (mark > 24) return std::nullopt;
  const std::string text = unwrapped(ascii);
  const size_t letter = text.starts_with('(') ? 1 : 0;
  if (text.size() < letter + 4 || !is_choice_letter(text[letter]) || text[letter + 2] != ' ')
    return std::nullopt;
  if (text[letter + 1] != ')' && (letter == 1 || text[letter + 1] != '.')) return std::nullopt;
  const size_t begin = text.find_first_not_of(' ', letter + 2);
  if (begin == std::string::npos || text[begin] == '(') return std::nullopt;
  return text.substr(begin);
}

std::optional<char> choice_of(std::string_view ascii) {
  if (ascii.size() > kMaxChoiceBytes) return std::nullopt;
  std::string text = unwrapped(ascii);
  for (const std::string_view prefix : {"option ", "Option ", "choice ", "Choice ", "answer "})
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
  std::string_view rest = text;
  const bool round = rest.starts_with("(");
  if (round) rest.remove_prefix(1);
  if (rest.empty()) return std::nullopt;
  const char letter =
      round ? static_cast<char>(std::toupper(static_cast<unsigned char>(rest[0]))) : rest[0];
  if (!is_choice_letter(letter)) return std::nullopt;
  rest.remove_prefix(1);
  if (rest.empty()) return round ? std::nullopt : std::optional(letter);
  if (round && rest[0] != ')') return std::nullopt;
  if (!round && std::string_view(".):").find(rest[0]) == std::string_view::npos)
    return std::nullopt;
  rest.remove_prefix(1);
  // What the choice says may follow; another choice may not.
  for (size_t i = 0; i < rest.size(); ++i) {
    const bool alone = (i == 0 || !is_ascii_letter(rest[i - 1])) &&
                       (i + 1 == rest.size() || !is_ascii_letter(rest[i + 1]));
    if (alone && is_choice_letter(rest[i]) &&
        (rest.find(" or ") != std::string_view::npos ||
         rest.find(" and ") != std::string_view::npos || rest.find(',') != std::string_view::npos ||
         rest.find('(') != std::string_view::npos))
      return std::nullopt;
  }
  return letter;
}

bool is_all_real_numbers(std::string_view words) {
  constexpr std::string_view kSayings[] = {
      "all real numbers",        "all reals",        "all real x",
      "all real values",         "the real numbers", "real numbers",
      "the set of real numbers", "any real number"};
  return std::find(std::begin(kSayings), std::end(kSayings), words) != std::end(kSayings);
}

std::optional<long> number_in_words(std::string_view words) {
  constexpr std::string_view kSmall[] = {"zero",    "one",     "two",       "three",    "four",
                                         "five",    "six",     "seven",     "eight",    "nine",
                                         "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                         "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
  constexpr std::string_view kTens[] = {"twenty", "thirty",  "forty",  "fifty",
                                        "sixty",  "seventy", "eighty", "ninety"};
  if (words.empty() || words[0] < 'a' || words[0] > 'z') return std::nullopt;
  long total = 0, part = -1;
  size_t count = 0;
  bool after_ten = false;
  while (!words.empty()) {
    const size_t end = std::min(words.find_first_of(" -"), words.size());
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    if (++count > 12) return std::nullopt;
    const auto* small = std::find(std::begin(kSmall), std::end(kSmall), word);
    const auto* ten = std::find(std::begin(kTens), std::end(kTens), word);
    if (small != std::end(kSmall)) {
      const long value = small - std::begin(kSmall);
      if (part >= 0 && !(after_ten && value > 0 && value < 10) && part % 100 != 0)
        return std::nullopt;
      part = std::max(part, 0L) + value;
      after_ten = false;
    } else if (ten != std::end(kTens)) {
      if (part >= 0 && part % 100 != 0) return std::nullopt;
      part = std::max(part, 0L) + 20 + 10 * (ten - std::begin(kTens));
      after_ten = true;
    } else if (word == "hundred") {
      if (part < 1 || part > 9) return std::nullopt;
      part *= 100;
      after_ten = false;
    } else if (word == "thousand" || word == "million") {
      if (part < 1 || total % 1000000 != 0) return std::nullopt;
      total += part * (word == "thousand" ? 1000 : 1000000);
      part = 0;
      after_ten = false;
    } else if (word != "and" || part < 1) {
      return std::nullopt;
    }
  }
  if (part < 0) return std::nullopt;
  return total + part;
}

}  // namespace amalgam::rewards
