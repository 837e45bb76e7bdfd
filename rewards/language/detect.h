// The language of a text: naive Bayes over its runs of one to three characters, by Nakatani Shuyo's
// language-detection and the profiles of its port langdetect 1.0.9 (data/NOTICE).
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "rewards/text/chars.h"

namespace amalgam::rewards {

// As ISO 639-1 names it, Chinese as zh-cn or zh-tw; "unknown" where no language is likely; nothing
// for a text without letters that any profile knows. langdetect draws the runs at random, a
// different stream each time: here the stream is one fixed one, so that equal texts have equal
// languages.
std::optional<std::string_view> language_of(Chars text);

bool is_known_language(std::string_view name);

}  // namespace amalgam::rewards
