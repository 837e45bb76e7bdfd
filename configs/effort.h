// How much reasoning a prompt asks for. An effort is none, low, high, max, or a number b of 1 …
// 100; a mode is what one specialist is trained for: an effort, or a band of numbers as "b21-40".
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace amalgam::configs {

inline constexpr int kMaxEffortNumber = 100;

struct EffortBand {
  int first = 1, last = kMaxEffortNumber;
  bool contains(int b) const { return first <= b && b <= last; }
};

bool is_effort_word(const std::string& text);
std::optional<int> effort_number(const std::string& text);       // "1" … "100"
std::optional<EffortBand> effort_band(const std::string& text);  // "b21-40"
bool is_effort(const std::string& text);                         // a word or a number
bool is_effort_mode(const std::string& text);                    // the same, or a band

// Whether prompts of this effort belong to the mode.
bool is_of_mode(const std::string& effort, const std::string& mode);

// 1 … 100 in `count` bands, as equal as can be: b1-20, b21-40, …
std::vector<std::string> effort_bands(int count);

// The order of modes in tables: words from the least, then numbers and bands by their first.
bool mode_before(const std::string& a, const std::string& b);

// The entry of a table by effort: that of the effort itself, or of the mode it belongs to.
std::optional<double> value_of_effort(const std::map<std::string, double>& by_effort,
                                      const std::string& effort);

// What `efforts` of a domain is: modes, none of them twice.
struct Efforts {
  std::vector<std::string> modes;
  bool operator==(const Efforts&) const = default;
};

}  // namespace amalgam::configs
