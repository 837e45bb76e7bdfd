#include "configs/effort.h"

#include <algorithm>
#include <array>

namespace amalgam::configs {
namespace {

constexpr std::array kWords = {"none", "low", "high", "max"};

// A mode's place among all.
std::pair<int, int> place(const std::string& mode) {
  const auto word = std::find(kWords.begin(), kWords.end(), mode);
  if (word != kWords.end()) return {static_cast<int>(word - kWords.begin()), 0};
  if (const auto band = effort_band(mode)) return {static_cast<int>(kWords.size()), band->first};
  return {static_cast<int>(kWords.size()), effort_number(mode).value_or(0)};
}

}  // namespace

bool is_effort_word(const std::string& text) {
  return std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

std::optional<int> effort_number(const std::string& text) {
  if (text.empty() || text.size() > 3 || text[0] == '0') return std::nullopt;
  int b = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    b = 10 * b + (c - '0');
  }
  return b <= kMaxEffortNumber ? std::optional(b) : std::nullopt;
}

std::optional<EffortBand> effort_band(const std::string& text) {
  const size_t dash = text.find('-');
  if (text.empty() || text[0] != 'b' || dash == std::string::npos) return std::nullopt;
  const auto first = effort_number(text.substr(1, dash - 1)),
             last = effort_number(text.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return EffortBand{*first, *last};
}

bool is_effort(const std::string& text) { return is_effort_word(text) || effort_number(text); }
bool is_effort_mode(const std::string& text) { return is_effort(text) || effort_band(text); }

bool is_of_mode(const std::string& effort, const std::string& mode) {
  if (effort == mode) return true;
  const auto band = effort_band(mode);
  const auto b = effort_number(effort);
  return band && b && band->contains(*b);
}

std::vector<std::string> effort_bands(int count) {
  std::vector<std::string> bands;
  for (int i = 0; i < count; ++i)
    bands.push_back("b" + std::to_string(kMaxEffortNumber * i / count + 1) + "-" +
                    std::to_string(kMaxEffortNumber * (i + 1) / count));
  return bands;
}

bool mode_before(const std::string& a, const std::string& b) { return place(a) < place(b); }

std::optional<double> value_of_effort(const std::map<std::string, double>& by_effort,
                                      const std::string& effort) {
  if (const auto own = by_effort.find(effort); own != by_effort.end()) return own->second;
  for (const auto& [mode, value] : by_effort)
    if (is_of_mode(effort, mode)) return value;
  return std::nullopt;
}

}  // namespace amalgam::configs
