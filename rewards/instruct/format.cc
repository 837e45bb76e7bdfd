#include <algorithm>

#include "rewards/instruct/checks.h"
#include "rewards/instruct/json_text.h"

namespace amalgam::rewards::checks {
namespace {

bool is_decimal_at(Chars text, size_t i) { return i < text.size() && is(text[i], kDecimal); }
bool is_space_at(Chars text, size_t i) { return i < text.size() && is(text[i], kSpace); }
size_t line_end(Chars text, size_t i) { return std::min(text.find(U'\n', i), text.size()); }

// [...] within a line, the first ] ends it.
int64_t count_placeholders(Chars text) {
  int64_t count = 0;
  bool open = false;
  for (const char32_t c : text) {
    count += open && c == ']';
    open = c == '[' || (open && c != ']' && c != '\n');
  }
  return count;
}

// Lines that begin with the mark behind spaces; a star must be followed by a character that is
// none, be it the end of the line, and then the next line is part of the bullet.
int64_t count_bullets(Chars text, char32_t mark) {
  int64_t count = 0;
  for (size_t line = 0; line < text.size();) {
    size_t i = line;
    while (is_space_at(text, i)) ++i;
    const bool is_bullet = i < text.size() && text[i] == mark &&
                           (mark == '-' || (i + 1 < text.size() && text[i + 1] != '*'));
    count += is_bullet;
    line = line_end(text, is_bullet && mark == '*' ? i + 2 : i) + 1;
  }
  return count;
}

// What size marks on each side enclose, without a star or a line's end in between, and not only
// spaces.
int64_t count_starred(Chars text, size_t size) {
  const Chars mark = Chars(U"**").substr(0, size);
  int64_t count = 0;
  for (size_t at = 0; (at = text.find(mark, at)) != kNoChar;) {
    const size_t begin = at + size, end = std::min(text.find_first_of(U"*\n", begin), text.size());
    if (text.substr(end).starts_with(mark)) {
      count += !stripped(text.substr(begin, end - begin)).empty();
      at = end + size;
    } else {
      ++at;
    }
  }
  return count;
}

Chars without_prefix(Chars text, Chars prefix) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

// p. and each next letter with a period, a space between where there is one; the last letter
// without.
bool has_letters(Chars text, Chars letters, bool last_period) {
  for (size_t at = 0; (at = text.find(letters[0], at)) != kNoChar; ++at) {
    size_t i = at;
    bool fits = true;
    for (size_t k = 0; fits && k < letters.size(); ++k) {
      if (k > 0 && is_space_at(text, i)) ++i;
      const bool period = k + 1 < letters.size() || last_period;
      fits = i < text.size() && text[i] == letters[k] &&
             (!period || (i + 1 < text.size() && text[i + 1] == '.'));
      i += 1 + period;
    }
    if (fits) return true;
  }
  return false;
}

// The marker, whose periods stand for any character of the line: IFEval takes it for a pattern.
bool has_marker(Chars text, Chars marker) {
  const auto fits = [](char32_t have, char32_t want) {
    return have == want || (want == '.' && have != '\n');
  };
  return std::search(text.begin(), text.end(), marker.begin(), marker.end(), fits) != text.end();
}

}  // namespace

bool number_placeholders(Chars response, const Arguments& arguments) {
  return count_placeholders(response) >= arguments.number("num_placeholders");
}

bool number_bullet_lists(Chars response, const Arguments& arguments) {
  return count_bullets(response, '*') + count_bullets(response, '-') ==
         arguments.number("num_bullets");
}

bool number_highlighted_sections(Chars response, const Arguments& arguments) {
  return count_starred(response, 1) + count_starred(response, 2) >=
         arguments.number("num_highlights");
}

// The splitter with a number behind it, a space between where there is one.
bool multiple_sections(Chars response, const Arguments& arguments) {
  const Chars splitter = stripped(arguments.text("section_spliter"));
  int64_t count = 0;
  for (size_t at = 0; (at = response.find(splitter, at)) != kNoChar;) {
    size_t i = at + splitter.size();
    if (is_space_at(response, i)) ++i;
    if (!is_decimal_at(response, i)) {
      ++at;
      continue;
    }
    while (is_decimal_at(response, i)) ++i;
    ++count;
    at = i;
  }
  return count >= arguments.number("num_sections");
}

bool json_format(Chars response, const Arguments&) {
  Chars text = stripped(response);
  for (const Chars fence : {Chars(U"```json"), Chars(U"```Json"), Chars(U"```JSON"), Chars(U"```")})
    text = without_prefix(text, fence);
  if (text.ends_with(U"```")) text.remove_suffix(3);
  return is_json(stripped(text));
}

// <<...>> within a line, with more than spaces and brackets.
bool title(Chars response, const Arguments&) {
  for (size_t at = 0; (at = response.find(U"<<", at)) != kNoChar;) {
    const size_t end = line_end(response, at);
    const size_t close = response.substr(0, end).rfind(U">>");
    if (close != kNoChar && close > at + 2) {
      Chars inner = response.substr(at, close + 2 - at);
      while (inner.starts_with(U'<')) inner.remove_prefix(1);
      while (inner.ends_with(U'>')) inner.remove_suffix(1);
      if (!stripped(inner).empty()) return true;
    }
    at = end;
  }
  return false;
}

bool postscript(Chars response, const Arguments& arguments) {
  const std::u32string text = lowered(response);
  const Chars marker = stripped(arguments.text("postscript_marker"));
  if (marker == U"P.P.S") return has_letters(text, U"pps", false);
  if (marker == U"P.S.") return has_letters(text, U"ps", true);
  return has_marker(text, lowered(marker));
}

bool constrained_response(Chars response, const Arguments&) {
  return contains(response, Chars(U"My answer is yes.")) ||
         contains(response, Chars(U"My answer is no.")) ||
         contains(response, Chars(U"My answer is maybe."));
}

}  // namespace amalgam::rewards::checks
