#include "rewards/math/sentence.h"

#include <algorithm>
#include <cctype>

namespace amalgam::rewards {
namespace {

bool is_space_char(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

struct Delimiters {
  std::string_view open, close;
};
constexpr Delimiters kDelimiters[] = {{"$$", "$$"}, {"$", "$"}, {"\\(", "\\)"}, {"\\[", "\\]"}};

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space_char(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space_char(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view formula_at(std::string_view text, size_t at, size_t* behind) {
  for (const Delimiters& d : kDelimiters) {
    if (text.substr(at, d.open.size()) != d.open) continue;
    size_t close = at + d.open.size();
    while ((close = text.find(d.close, close)) != std::string_view::npos &&
           text[close - 1] == '\\' && d.close[0] == '$')
      ++close;
    if (close == std::string_view::npos) return {};
    *behind = close + d.close.size();
    return text.substr(at + d.open.size(), close - at - d.open.size());
  }
  return {};
}

std::optional<std::pair<std::string_view, std::string_view>> last_formula(std::string_view text) {
  std::optional<std::pair<std::string_view, std::string_view>> last;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '$') {
      i += 2;
      continue;
    }
    size_t behind = 0;
    const std::string_view formula =
        text[i] == '$' || text[i] == '\\' ? formula_at(text, i, &behind) : std::string_view();
    if (behind > 0) {
      if (!trimmed(formula).empty()) last = {formula, text.substr(behind)};
      i = behind;
    } else {
      ++i;
    }
  }
  return last;
}

std::string_view first_sentence(std::string_view text) {
  constexpr std::string_view kExplanations[] = {
      ", as ",     ", since ", ", because ", ", which ", ", so ",     ", where ", ", not ",
      " because ", " since ",  ", when ",    ", for ",   ", and so ", ", but ",   ", with "};
  size_t end = text.size();
  for (const std::string_view words : kExplanations) end = std::min(end, text.find(words));
  for (size_t i = 0; i + 1 < end; ++i) {
    if (text[i] == '.' && is_space_char(text[i + 1])) {
      size_t next = i + 1;
      while (next < text.size() && is_space_char(text[next])) ++next;
      if (next == text.size() || std::isupper(static_cast<unsigned char>(text[next]))) end = i;
    } else if (text[i] == '(' && i > 0 && text[i - 1] == ' ' &&
               std::islower(static_cast<unsigned char>(text[i + 1])) && i + 4 < text.size() &&
               std::islower(static_cast<unsigned char>(text[i + 2])) &&
               (text[i + 3] == ' ' || std::islower(static_cast<unsigned char>(text[i + 3])))) {
      end = i;  // "1024 (checked)", "1024 (we checked)"
    }
  }
  return trimmed(text.substr(0, end));
}

std::string_view last_sentence(std::string_view text) {
  text = trimmed(text);
  size_t begin = text.size();
  while (begin > 0 && text[begin - 1] != '\n' &&
         !(text[begin - 1] == '.' && begin < text.size() && is_space_char(text[begin])))
    --begin;
  return trimmed(text.substr(begin));
}

std::string_view last_clause(std::string_view sentence) {
  size_t begin = 0;
  for (const std::string_view word :
       {" is ", " are ", " equals ", " be ", ": ", " at ", " it's "}) {
    const size_t at = sentence.rfind(word);
    if (at != std::string_view::npos) begin = std::max(begin, at + word.size());
  }
  return trimmed(sentence.substr(begin));
}

std::string_view behind_copula(std::string_view sentence) {
  size_t begin = 0;
  for (const std::string_view word : {" is ", " are ", ": "}) {
    const size_t at = sentence.rfind(word);
    if (at != std::string_view::npos) begin = std::max(begin, at + word.size());
  }
  return trimmed(sentence.substr(begin));
}

}  // namespace amalgam::rewards
