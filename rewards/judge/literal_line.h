// An answer as what a judge may be shown: data on one line, that can neither open a turn nor forge
// a line of the judge's prompt.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::rewards {

// Every run of spaces, line breaks, control characters and characters without width or of
// direction becomes one space, and none is left at the ends. A byte that is not UTF-8 becomes
// U+FFFD. A special string that occurs (or that has come about) is broken by a space after its
// first character, until there is none; empty ones, and those of one character, which no space can
// break, are replaced by nothing and by U+FFFD. A special string may have spaces in it; one that
// breaking leaves as it is (such as "a  b") cannot stand in a line where no two spaces meet.
std::string literal_line(std::string_view answer, const std::vector<std::string>& special_strings);

}  // namespace amalgam::rewards
