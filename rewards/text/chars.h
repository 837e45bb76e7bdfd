// Texts as sequences of characters (code points), with Python's str methods: verdicts of other
// programs rest on them.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/text/unicode.h"

namespace amalgam::rewards {

using Chars = std::u32string_view;
inline constexpr size_t kNoChar = Chars::npos;

// A byte that is not part of valid UTF-8 becomes U+FFFD.
std::u32string decoded(std::string_view utf8);
std::string encoded(Chars text);

// strip(), rstrip(): spaces; of: those characters that it names, as strip(of).
Chars stripped(Chars text);
Chars right_stripped(Chars text);
Chars stripped_of(Chars text, Chars of);
// strip(string.punctuation + " "), and its two sides alone.
Chars stripped_of_marks(Chars text);
Chars left_stripped_of_marks(Chars text);
Chars right_stripped_of_marks(Chars text);

std::vector<Chars> words_of(Chars text);                   // split()
std::vector<Chars> split_at(Chars text, Chars separator);  // split(separator)
std::u32string joined(const std::vector<Chars>& parts, Chars separator);

std::u32string lowered(Chars text);  // lower(), with the final sigma
bool is_upper(Chars text);           // isupper()
bool is_lower(Chars text);           // islower()

std::u32string replaced(Chars text, Chars from, Chars to);  // replace(from, to)
std::u32string without_marks(Chars text);  // without the characters of string.punctuation
size_t count_of(Chars text, Chars part);   // count(part)
inline bool contains(Chars text, Chars part) { return text.find(part) != kNoChar; }
inline bool contains(Chars text, char32_t c) { return text.find(c) != kNoChar; }

}  // namespace amalgam::rewards
