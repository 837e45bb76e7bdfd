// An answer as what a judge may be shown: data on one line, that can neither open a turn nor forge
// a line of the judge's prompt.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::rewards {

// Every run of spaces, line breaks, control characters and characters without width or of direction
// becomes one space, and none is left at the ends. A byte that is not UTF-8 becomes U+FFFD. Then no
// special string is left, nor one that comes about: each is broken by a space after its first
// character
// ("< /think>"), or where a space stands there already, and in one of a single character, loses its
// first character that is no space. Blank special strings are not looked for.
std::string literal_line(std::string_view answer, const std::vector<std::string>& special_strings);

}  // namespace amalgam::rewards
