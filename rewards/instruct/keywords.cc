#include <algorithm>

#include "rewards/instruct/checks.h"

namespace amalgam::rewards::checks {
namespace {

bool is_word_char(Chars text, size_t i) { return i < text.size() && is(text[i], kWord); }

std::u32string folded(Chars text) {
  std::u32string out(text);
  for (char32_t& c : out) c = fold(c);
  return out;
}

// Whether \b holds before character i.
bool is_boundary(Chars text, size_t i) {
  return (i > 0 && is_word_char(text, i - 1)) != is_word_char(text, i);
}

// As \bWORD\b finds it in a folded text. That asks for a word character beyond an edge of WORD that
// is none, so it rarely finds C++; IFEval takes the word for a pattern, and where that is no plain
// text (then its verdict is of no use) such an edge is free.
bool has_word(Chars text, Chars word) {
  const bool is_pattern = word.find_first_of(U"\\^$.|?*+()[]{}") != kNoChar;
  const auto edge_holds = [&](size_t at, bool is_word_edge) {
    return is_boundary(text, at) || (is_pattern && !is_word_edge);
  };
  for (size_t at = 0; (at = text.find(word, at)) != kNoChar; ++at)
    if (edge_holds(at, is_word_char(word, 0)) &&
        edge_holds(at + word.size(), is_word_char(word, word.size() - 1)))
      return true;
  return false;
}

}  // namespace

bool keyword_existence(Chars response, const Arguments& arguments) {
  const std::u32string text = folded(response);
  const auto& words = arguments.words("keywords");
  return std::all_of(words.begin(), words.end(),
                     [&](const auto& word) { return contains(text, Chars(folded(word))); });
}

bool keyword_frequency(Chars response, const Arguments& arguments) {
  const size_t count = count_of(folded(response), folded(stripped(arguments.text("keyword"))));
  return arguments.compares(count, "relation", "frequency");
}

bool forbidden_words(Chars response, const Arguments& arguments) {
  const std::u32string text = folded(response);
  const auto& words = arguments.words("forbidden_words");
  return std::none_of(words.begin(), words.end(),
                      [&](const auto& word) { return has_word(text, folded(word)); });
}

bool letter_frequency(Chars response, const Arguments& arguments) {
  const std::u32string text = lowered(response);
  const auto count = std::count(text.begin(), text.end(), lower(arguments.text("letter")[0]));
  return arguments.compares(static_cast<size_t>(count), "let_relation", "let_frequency");
}

bool no_comma(Chars response, const Arguments&) { return !contains(response, U','); }

// The first keyword once, the others 2, 3, 5 and 7 times.
bool keywords_multiple(Chars response, const Arguments& arguments) {
  const std::u32string text = lowered(response);
  const auto times = [&](std::string_view name) {
    return count_of(text, lowered(stripped(arguments.text(name))));
  };
  return times("keyword1") == 1 && times("keyword2") == 2 && times("keyword3") == 3 &&
         times("keyword4") == 5 && times("keyword5") == 7;
}

}  // namespace amalgam::rewards::checks
