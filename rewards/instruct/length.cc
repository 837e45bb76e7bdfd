#include "rewards/instruct/checks.h"
#include "rewards/sentences/punkt.h"

namespace amalgam::rewards::checks {
namespace {

// Runs of \w+ by the package regex, as nltk's RegexpTokenizer.
size_t count_words(Chars text) {
  size_t count = 0;
  bool inside = false;
  for (const char32_t c : text) {
    const bool word = is(c, kRegexWord);
    count += word && !inside;
    inside = word;
  }
  return count;
}

// What *** separates, with a space on each side if there is one.
std::vector<Chars> starred_paragraphs(Chars text) {
  std::vector<Chars> parts;
  size_t begin = 0;
  for (size_t at; (at = text.find(U"***", begin)) != kNoChar;) {
    const size_t end = at > begin && is(text[at - 1], kSpace) ? at - 1 : at;
    parts.push_back(text.substr(begin, end - begin));
    begin = at + 3;
    if (begin < text.size() && is(text[begin], kSpace)) ++begin;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

}  // namespace

bool number_sentences(Chars response, const Arguments& arguments) {
  return arguments.compares(punkt_sentences(response).size(), "relation", "num_sentences");
}

bool number_words(Chars response, const Arguments& arguments) {
  return arguments.compares(count_words(response), "relation", "num_words");
}

bool word_count_range(Chars response, const Arguments& arguments) {
  const auto count = static_cast<int64_t>(count_words(response));
  return arguments.number("min_words") <= count && count <= arguments.number("max_words");
}

// Blank ones at the two ends do not count, elsewhere they are wrong.
bool number_paragraphs(Chars response, const Arguments& arguments) {
  const std::vector<Chars> parts = starred_paragraphs(response);
  int64_t count = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!stripped(parts[i]).empty()) {
      ++count;
    } else if (i > 0 && i + 1 < parts.size()) {
      return false;
    }
  }
  return count == arguments.number("num_paragraphs");
}

// Paragraphs are what an empty line separates; blank ones count nowhere. A word ends at a mark.
bool nth_paragraph_first_word(Chars response, const Arguments& arguments) {
  int64_t count = 0;
  Chars paragraph;
  for (const Chars part : split_at(response, U"\n\n")) {
    if (stripped(part).empty()) continue;
    if (++count == arguments.number("nth_paragraph")) paragraph = part;
  }
  if (count != arguments.number("num_paragraphs") || paragraph.empty()) return false;
  Chars word = words_of(paragraph)[0];
  for (const char32_t quote : {U'\'', U'"'})
    while (word.starts_with(quote)) word.remove_prefix(1);
  word = word.substr(0, word.find_first_of(U".,?!'\""));
  // Character by character, so that a sigma is never a final one.
  std::u32string low;
  for (const char32_t c : word) low += lowered(Chars(&c, 1));
  return low == lowered(arguments.text("first_word"));
}

}  // namespace amalgam::rewards::checks
