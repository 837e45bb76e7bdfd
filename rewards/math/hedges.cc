#include "rewards/math/hedges.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string>

#include "rewards/math/ascii.h"

namespace amalgam::rewards {
namespace {

bool is_word_char(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '\''; }

bool is_hedge(std::string_view word) {
  constexpr std::string_view kWords[] = {
      // Negations and alternatives
      "not", "never", "cannot", "neither", "nor", "or", "wrong", "incorrect", "except", "unless",
      "different", "unequal", "anything",
      // Bounds
      "than", "between", "exceed", "exceeds", "exceeding", "almost", "nearly", "onwards",
      // Other values
      "divisible", "divides", "congruent", "mod", "modulo", "twice", "squared", "cubed",
      "factorial", "dozen", "dozens", "plus", "hundred", "thousand", "million", "billion",
      "trillion"};
  return word.ends_with("n't") ||
         std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

// Right before a number.
bool is_hedge_of_number(std::string_view word) {
  constexpr std::string_view kWords[] = {"below",  "above",  "under",    "over",
                                         "beyond", "within", "negative", "minus"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

// "a multiple of", "the square of"
bool is_function(std::string_view word) {
  constexpr std::string_view kWords[] = {
      "multiple", "multiples", "divisor", "divisors",  "factor",   "factors",  "power",
      "powers",   "square",    "squares", "root",      "cube",     "half",     "reciprocal",
      "inverse",  "opposite",  "log",     "logarithm", "function", "factorial"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

bool ascii_hedges(std::string_view text) {
  std::string before, word;
  bool needed = false;  // "you need at least 5": the least number is 5
  for (size_t i = 0; i < text.size();) {
    if (!is_word_char(text[i])) {
      ++i;
      continue;
    }
    word.clear();
    for (; i < text.size() && is_word_char(text[i]); ++i)
      if (word.size() < 20)
        word += static_cast<char>(std::tolower(static_cast<unsigned char>(text[i])));
    if (is_hedge(word) || (before == "no" && word == "longer")) return true;
    if (is_hedge_of_number(word)) {
      const size_t next = text.find_first_not_of(' ', i);
      if (next == std::string_view::npos || !is_word_char(text[next])) return true;
    }
    if (word.starts_with("need") || word.starts_with("requir")) needed = true;
    if (before == "at" && (word == "least" || word == "most") && !needed) return true;
    if (word == "of" && is_function(before)) return true;
    if (before == "up" && word == "to" && i < 8) return true;
    std::swap(before, word);
  }
  return false;
}

constexpr size_t kNearBytes = 60, kNearWordsBehind = 3, kNearWordsBefore = 6;

// The words before a number: back to other punctuation, another number, or a new thought.
std::string_view words_before(std::string_view text, size_t at) {
  constexpr std::string_view kThoughts[] = {"so",   "then", "hence", "thus", "therefore",
                                            "and",  "but",  "we",    "get",  "gives",
                                            "that", "is",   "are"};
  size_t begin = at, words = 0;
  while (begin > 0 && words <= kNearWordsBefore && at - begin < kNearBytes) {
    const char c = text[begin - 1];
    if (std::string_view(",;:.!?\n=").find(c) != std::string_view::npos ||
        std::isdigit(static_cast<unsigned char>(c)))
      break;
    if (c == ' ' && begin < at && std::isalpha(static_cast<unsigned char>(text[begin]))) {
      size_t end = begin;
      while (end < at && std::isalpha(static_cast<unsigned char>(text[end]))) ++end;
      const std::string_view word = text.substr(begin, end - begin);
      if (std::find(std::begin(kThoughts), std::end(kThoughts), word) != std::end(kThoughts)) break;
    }
    --begin;
    words += c == ' ';
  }
  return text.substr(begin, at - begin);
}

}  // namespace

bool hedges(std::string_view text) { return ascii_hedges(to_ascii(text)); }

bool is_hedged(std::string_view text, size_t at, size_t end) {
  if (hedges(words_before(text, at))) return true;
  std::string_view behind = text.substr(end, kNearBytes);
  behind = behind.substr(0, behind.find_first_of(",;:.!?\n("));
  behind = behind.substr(0, behind.find(" which "));
  size_t words = 0, i = 0;
  for (; i < behind.size() && words <= kNearWordsBehind; ++i) words += behind[i] == ' ';
  return hedges(behind.substr(0, i));
}

bool is_prose(std::string_view text) {
  const std::string ascii = to_ascii(text);
  const auto is_letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  for (size_t i = 0; i < ascii.size(); ++i) {
    const char c = ascii[i];
    if (c == '\\') {
      size_t end = i + 1;
      while (end < ascii.size() && is_letter(ascii[end])) ++end;
      const std::string_view name = std::string_view(ascii).substr(i + 1, end - i - 1);
      constexpr std::string_view kNames[] = {"",       "text",   "mbox",       "textbf",
                                             "mathrm", "mathbf", "textrm",     "quad",
                                             "left",   "right",  "textdollar", "displaystyle"};
      if (std::find(std::begin(kNames), std::end(kNames), name) == std::end(kNames)) return false;
      i = std::max(end - 1, i);
    } else if (c == '^') {
      // Only of a unit: "cm^2"
      if (i == 0 || !is_letter(ascii[i - 1]) ||
          (ascii[i - 1] != 'm' && (i == 1 || !is_letter(ascii[i - 2]))))
        return false;
    } else if (std::string_view("<>+*|&_~").find(c) != std::string_view::npos) {
      return false;
    } else if (i > 0 && std::isdigit(static_cast<unsigned char>(ascii[i - 1])) &&
               std::string_view("abcinpqrtxyz").find(c) != std::string_view::npos &&
               (i + 1 == ascii.size() || !is_letter(ascii[i + 1]))) {
      return false;  // "3x", "4i"
    }
  }
  return true;
}

}  // namespace amalgam::rewards
