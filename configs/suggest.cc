#include "configs/suggest.h"

#include <algorithm>
#include <numeric>

namespace amalgam::configs {

int edit_distance(const std::string& a, const std::string& b) {
  std::vector<int> row(b.size() + 1);  // distances from a's prefix to every prefix of b
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i) + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const int replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j + 1] + 1, row[j] + 1});
    }
  }
  return row.back();
}

std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
  std::string best;
  int best_distance = std::max(2, static_cast<int>(word.size()) / 3) + 1;
  for (const std::string& candidate : candidates) {
    const int distance = edit_distance(word, candidate);
    // "seed" is two edits from "step", and no slip: at least half of the word must stand.
    if (distance < best_distance && 2 * distance <= static_cast<int>(word.size())) {
      best = candidate;
      best_distance = distance;
    }
  }
  if (!best.empty()) return best;
  constexpr size_t kShortest = 4;
  for (const std::string& candidate : candidates)
    if (std::min(word.size(), candidate.size()) >= kShortest &&
        (candidate.starts_with(word) || word.starts_with(candidate)))
      return candidate;
  return "";
}

}  // namespace amalgam::configs
