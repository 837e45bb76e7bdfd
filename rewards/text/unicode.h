// What Python's str methods and its re module say of a character, by a table of Unicode 14
// (data/unicode.txt), which Python 3.11 has. regex: the package of that name, which nltk uses
// instead of re.
#pragma once
#include <cstdint>

namespace amalgam::rewards {

// Bits of one character; the order is data/make_unicode.py's.
enum Property : uint16_t {
  kUpper = 1 << 0,      // str.isupper
  kLower = 1 << 1,      // str.islower
  kTitle = 1 << 2,      // str.istitle and not isupper
  kWord = 1 << 3,       // \w of re
  kRegexWord = 1 << 4,  // \w of regex: also combining marks and joiners
  kDecimal = 1 << 5,    // \d of both
  kDigit = 1 << 6,      // str.isdigit: also superscripts
  kSpace = 1 << 7,      // str.isspace, \s of re: also U+001C to U+001F
  kRegexSpace = 1 << 8,
  kCased = 1 << 9,         // Unicode's Cased without Case_Ignorable
  kCaseIgnored = 1 << 10,  // Unicode's Case_Ignorable
  kEmoji = 1 << 11,        // alone an emoji, by the package emoji
  kLowers = 1 << 12,       // another character in lower case
  kFolds = 1 << 13         // another character where case is ignored
};

uint16_t properties(char32_t c);
inline bool is(char32_t c, uint16_t any) { return (properties(c) & any) != 0; }

// The simple lower case.
char32_t lower(char32_t c);
// Equal for characters that re.IGNORECASE takes for each other.
char32_t fold(char32_t c);

// string.punctuation.
inline bool is_ascii_mark(char32_t c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

}  // namespace amalgam::rewards
