#include "rewards/text/chars.h"

#include <algorithm>

namespace amalgam::rewards {
namespace {

constexpr char32_t kSigma = 0x3A3, kSmallSigma = 0x3C3, kFinalSigma = 0x3C2, kDottedI = 0x130;

// The character at the head of utf8 and its bytes; U+FFFD and 1 where they are none.
std::pair<char32_t, size_t> head(std::string_view utf8) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(utf8[i]); };
  const unsigned char first = byte(0);
  const size_t size = first < 0x80   ? 1
                      : first < 0xC2 ? 0
                      : first < 0xE0 ? 2
                      : first < 0xF0 ? 3
                      : first < 0xF5 ? 4
                                     : 0;
  if (size == 1) return {first, 1};
  if (size == 0 || size > utf8.size()) return {0xFFFD, 1};
  char32_t c = first & (0x7F >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {0xFFFD, 1};
    c = c << 6 | (byte(i) & 0x3F);
  }
  const bool overlong = (size == 3 && c < 0x800) || (size == 4 && c < 0x10000);
  if (overlong || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return {0xFFFD, 1};
  return {c, size};
}

template <typename Drop>
Chars right_trimmed(Chars text, Drop drop) {
  while (!text.empty() && drop(text.back())) text.remove_suffix(1);
  return text;
}

template <typename Drop>
Chars left_trimmed(Chars text, Drop drop) {
  size_t begin = 0;
  while (begin < text.size() && drop(text[begin])) ++begin;
  return text.substr(begin);
}

bool is_space(char32_t c) { return is(c, kSpace); }
bool is_mark_or_blank(char32_t c) { return c == ' ' || is_ascii_mark(c); }

// Whether the sigma at i ends a word: a cased character before it and none after it.
bool ends_word(Chars text, size_t i) {
  size_t before = i;
  while (before > 0 && is(text[before - 1], kCaseIgnored)) --before;
  if (before == 0 || !is(text[before - 1], kCased)) return false;
  size_t after = i + 1;
  while (after < text.size() && is(text[after], kCaseIgnored)) ++after;
  return after == text.size() || !is(text[after], kCased);
}

// Cased characters, none of which has a property of other.
bool all_cased(Chars text, uint16_t wanted, uint16_t other) {
  bool any = false;
  for (const char32_t c : text) {
    const uint16_t p = properties(c);
    if (p & other) return false;
    any |= (p & wanted) != 0;
  }
  return any;
}

}  // namespace

std::u32string decoded(std::string_view utf8) {
  std::u32string text;
  text.reserve(utf8.size());
  while (!utf8.empty()) {
    const auto [c, size] = head(utf8);
    text.push_back(c);
    utf8.remove_prefix(size);
  }
  return text;
}

std::string encoded(Chars text) {
  std::string utf8;
  utf8.reserve(text.size());
  const auto put = [&](char32_t bits) { utf8.push_back(static_cast<char>(bits)); };
  for (const char32_t c : text) {
    if (c < 0x80) {
      put(c);
    } else if (c < 0x800) {
      put(0xC0 | c >> 6);
      put(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
      put(0xE0 | c >> 12);
      put(0x80 | (c >> 6 & 0x3F));
      put(0x80 | (c & 0x3F));
    } else {
      put(0xF0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3F));
      put(0x80 | (c >> 6 & 0x3F));
      put(0x80 | (c & 0x3F));
    }
  }
  return utf8;
}

Chars stripped(Chars text) { return left_trimmed(right_trimmed(text, is_space), is_space); }
Chars right_stripped(Chars text) { return right_trimmed(text, is_space); }
Chars stripped_of(Chars text, Chars of) {
  const auto drop = [&](char32_t c) { return contains(of, c); };
  return left_trimmed(right_trimmed(text, drop), drop);
}
Chars left_stripped_of_marks(Chars text) { return left_trimmed(text, is_mark_or_blank); }
Chars right_stripped_of_marks(Chars text) { return right_trimmed(text, is_mark_or_blank); }
Chars stripped_of_marks(Chars text) {
  return left_stripped_of_marks(right_stripped_of_marks(text));
}

std::vector<Chars> words_of(Chars text) {
  std::vector<Chars> words;
  for (size_t i = 0; i < text.size();) {
    if (is_space(text[i])) {
      ++i;
      continue;
    }
    const size_t begin = i;
    while (i < text.size() && !is_space(text[i])) ++i;
    words.push_back(text.substr(begin, i - begin));
  }
  return words;
}

std::vector<Chars> split_at(Chars text, Chars separator) {
  std::vector<Chars> parts;
  size_t begin = 0;
  for (size_t at; (at = text.find(separator, begin)) != kNoChar; begin = at + separator.size())
    parts.push_back(text.substr(begin, at - begin));
  parts.push_back(text.substr(begin));
  return parts;
}

std::u32string joined(const std::vector<Chars>& parts, Chars separator) {
  std::u32string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i) text += separator;
    text += parts[i];
  }
  return text;
}

std::u32string lowered(Chars text) {
  std::u32string low;
  low.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c == kSigma) {
      low.push_back(ends_word(text, i) ? kFinalSigma : kSmallSigma);
    } else if (c == kDottedI) {  // the one character that becomes two
      low += U"i\u0307";
    } else {
      low.push_back(lower(c));
    }
  }
  return low;
}

bool is_upper(Chars text) { return all_cased(text, kUpper, kLower | kTitle); }
bool is_lower(Chars text) { return all_cased(text, kLower, kUpper | kTitle); }

std::u32string replaced(Chars text, Chars from, Chars to) {
  std::u32string out;
  out.reserve(text.size());
  size_t begin = 0;
  for (size_t at; (at = text.find(from, begin)) != kNoChar; begin = at + from.size()) {
    out += text.substr(begin, at - begin);
    out += to;
  }
  out += text.substr(begin);
  return out;
}

std::u32string without_marks(Chars text) {
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t c : text)
    if (!is_ascii_mark(c)) out.push_back(c);
  return out;
}

size_t count_of(Chars text, Chars part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != kNoChar; at += part.size()) ++count;
  return count;
}

}  // namespace amalgam::rewards
