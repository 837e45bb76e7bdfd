// Words and plain forms of texts, for verifiers that compare text.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::rewards {

// What stands between white space.
std::vector<std::string_view> words_of(std::string_view text);

// Letters of ASCII, Latin-1, Greek and Cyrillic in lower case; other bytes as they are.
std::string lower_text(std::string_view text);

// SQuAD's normal form of an answer: lower case, without ASCII punctuation, without the words a, an
// and the, one space between words.
std::string squad_normal(std::string_view text);

// Without white space at both ends.
std::string_view stripped(std::string_view text);

}  // namespace amalgam::rewards
