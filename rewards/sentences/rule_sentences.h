// Sentences by IFBench's rules: they end at . ? and !, but not at the periods of titles, initials,
// web sites, numbers.
#pragma once
#include <string>
#include <vector>

#include "rewards/text/chars.h"

namespace amalgam::rewards {

// As ifbench's split_into_sentences; without the last if it is empty. Lone marks between two ends
// are sentences too.
std::vector<std::u32string> rule_sentences(Chars text);

}  // namespace amalgam::rewards
