#include <algorithm>

#include "rewards/instruct/checks.h"
#include "rewards/sentences/rule_sentences.h"

namespace amalgam::rewards::checks {

// Every sentence ends with an emoji, or the next begins with one.
bool emoji(Chars response, const Arguments&) {
  const std::vector<std::u32string> sentences = rule_sentences(response);
  for (size_t i = 0; i < sentences.size(); ++i) {
    const std::u32string letters = without_marks(sentences[i]);
    const Chars text = stripped(letters);
    if (text.empty()) return false;
    if (is(text.back(), kEmoji) || (text.size() > 1 && is(text[text.size() - 2], kEmoji))) continue;
    if (i + 1 == sentences.size()) return false;
    const std::u32string next = without_marks(sentences[i + 1]);
    const Chars begin = stripped(next);
    if (begin.empty() || !is(begin[0], kEmoji)) return false;
  }
  return true;
}

bool list(Chars response, const Arguments& arguments) {
  return count_of(response, arguments.text("sep")) >= 2;
}

// Brackets of any kind, five deep, one of which closes; a wrong one starts anew.
bool parentheses(Chars response, const Arguments&) {
  std::u32string open;
  size_t deepest = 0;
  for (const char32_t c : response) {
    if (contains(Chars(U"([{"), c)) {
      open.push_back(c);
      deepest = std::max(deepest, open.size());
    } else if (contains(Chars(U")]}"), c)) {
      const char32_t opening = c == ')' ? U'(' : c == ']' ? U'[' : U'{';
      if (!open.empty() && open.back() == opening) {
        open.pop_back();
        if (deepest >= 5) return true;
      } else {
        open.clear();
        deepest = 0;
      }
    }
  }
  return false;
}

// Quotes, three deep, all of which close.
bool quotes(Chars response, const Arguments&) {
  std::u32string open;
  size_t deepest = 0;
  for (const char32_t c : response) {
    if (!open.empty() && open.back() == c) {
      open.pop_back();
      if (deepest - open.size() >= 3) return true;
    } else if (c == '"' || c == '\'') {
      open.push_back(c);
      deepest = std::max(deepest, open.size());
    }
  }
  return false;
}

// Text stands between any two quotes, and behind the last.
bool quote_unquote(Chars response, const Arguments&) {
  std::u32string text(response);
  for (char32_t& c : text)
    if (c == U'\u201c' || c == U'\u201d') c = '"';
  text = joined(words_of(replaced(text, U"'\"'", U"")), U"");
  if (contains(text, Chars(U"\"\""))) return false;
  Chars rest = text;
  const auto counts = [](char32_t c) {
    return c != '"' && (is_ascii_mark(c) || (c >= '0' && c <= '9'));
  };
  while (!rest.empty() && counts(rest.back())) rest.remove_suffix(1);
  return !rest.empty() && rest.back() != '"';
}

}  // namespace amalgam::rewards::checks
