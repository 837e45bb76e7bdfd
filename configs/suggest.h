// "Did you mean …": the nearest name by edit distance.
#pragma once
#include <string>
#include <vector>

namespace amalgam::configs {

// Levenshtein distance: fewest insertions, deletions and replacements of a byte.
int edit_distance(const std::string& a, const std::string& b);

// The candidate nearest to `word` if it is near enough to be a slip of the keyboard (distance at
// most 2, or a third of the word), else one that begins with the word or the word with it (four
// bytes at least), else "". The first of equals wins.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace amalgam::configs
