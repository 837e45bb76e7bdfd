// Words and plain forms of texts, for verifiers that compare text.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::rewards {

// What stands between white space.
std::vector<std::string_view> words_of(std::string_view text);

// With the letters of ASCII in lower case, and all else as it is.
std::string ascii_lower(std::string_view text);

// SQuAD's normal form of an answer: Unicode's lower case, without ASCII punctuation, without the
// words a, an and the, one space between words.
std::string squad_normal(std::string_view text);

// Without white space at both ends.
std::string_view stripped(std::string_view text);

}  // namespace amalgam::rewards
