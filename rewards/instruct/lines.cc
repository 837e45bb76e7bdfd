#include <algorithm>
#include <map>
#include <vector>

#include "rewards/instruct/checks.h"
#include "rewards/sentences/rule_sentences.h"

namespace amalgam::rewards::checks {
namespace {

// IFBench removes blank lines from the list that it walks along: each one that it sees takes the
// first equal one that is left away, and the line behind it goes unseen. Blank lines in a row thus
// stay in part.
std::vector<Chars> partly_without_blanks(const std::vector<Chars>& lines) {
  std::vector<bool> removed(lines.size());
  std::map<Chars, std::vector<size_t>>
      left;  // blank lines so far, with how many of them are removed in `taken`
  std::map<Chars, size_t> taken;
  bool unseen = false;
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool blank = stripped(lines[i]).empty();
    if (blank) left[lines[i]].push_back(i);
    if (blank && !unseen) removed[left[lines[i]][taken[lines[i]]++]] = true;
    unseen = blank && !unseen;
  }
  std::vector<Chars> kept;
  for (size_t i = 0; i < lines.size(); ++i)
    if (!removed[i]) kept.push_back(lines[i]);
  return kept;
}

size_t indent_of(Chars line) { return std::min(line.find_first_not_of(U' '), line.size()); }

}  // namespace

bool line_indent(Chars response, const Arguments&) {
  const std::vector<Chars> lines = partly_without_blanks(split_at(response, U"\n"));
  for (size_t i = 0; i + 1 < lines.size(); ++i)
    if (indent_of(lines[i + 1]) <= indent_of(lines[i])) return false;
  return true;
}

// One word a line.
bool newline(Chars response, const Arguments&) {
  const std::u32string letters = without_marks(response);
  const Chars text = stripped(letters);
  const std::vector<Chars> lines = split_at(text, U"\n");
  const auto filled =
      std::count_if(lines.begin(), lines.end(), [](Chars line) { return !line.empty(); });
  return static_cast<size_t>(filled) == words_of(text).size();
}

// At least two sentences, then at least two lines that begin with a star. A blank line ends the
// sentences.
bool no_bullets_bullets(Chars response, const Arguments&) {
  size_t sentences = 0, bullets = 0;
  bool in_sentences = true;
  for (const Chars line : split_at(response, U"\n")) {
    const Chars text = stripped(line);
    if (text.starts_with(U'*')) {
      in_sentences = false;
      if (sentences < 2) return false;
      ++bullets;
    } else if (in_sentences) {
      const size_t here = rule_sentences(text).size();
      sentences += here;
      in_sentences = here > 0;
    } else {
      return false;
    }
  }
  return bullets >= 2;
}

// A dash behind every star, before the next.
bool sub_bullets(Chars response, const Arguments&) {
  const std::vector<Chars> parts = split_at(response, U"*");
  return std::all_of(parts.begin() + 1, parts.end(),
                     [](Chars part) { return contains(part, U'-'); });
}

// Every line begins and ends with the same word.
bool paragraph_last_first(Chars response, const Arguments&) {
  for (const Chars line : split_at(response, U"\n")) {
    const std::u32string text = lowered(stripped(line));
    if (text.empty()) continue;
    const std::vector<Chars> words = words_of(stripped_of_marks(text));
    if (words.empty() || words.front() != words.back()) return false;
  }
  return true;
}

}  // namespace amalgam::rewards::checks
