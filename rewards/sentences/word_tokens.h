// Words and marks as the Penn Treebank separates them, by the rules of nltk 3.10's
// NLTKWordTokenizer.
#pragma once
#include <string>
#include <vector>

#include "rewards/text/chars.h"

namespace amalgam::rewards {

// nltk.word_tokenize(text): of each of punkt's sentences. Straight double quotes become `` and ''.
std::vector<std::u32string> word_tokens(Chars text);

}  // namespace amalgam::rewards
