#include "rewards/judge/verdict.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "configs/check.h"
#include "configs/printable.h"

namespace amalgam::rewards {
namespace {

constexpr std::string_view kSpaces = " \t\r";
constexpr std::string_view kWord = "Verdict";

std::string_view without_spaces(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
  return text.substr(0, text.find_last_not_of(kSpaces) + 1);
}

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (char& c : small)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return small;
}

// What stands after the colon; nothing: it is no verdict line.
std::optional<std::string_view> verdict_of_line(std::string_view line) {
  if (in_small_letters(line.substr(0, kWord.size())) != in_small_letters(kWord)) return {};
  line = without_spaces(line.substr(kWord.size()));
  if (!line.starts_with(':')) return {};
  return without_spaces(line.substr(1));
}

struct VerdictLine {
  std::string_view line, entries;
};

// The only verdict line, which is the last.
VerdictLine find_verdict_line(std::string_view message, std::string* problem) {
  VerdictLine found;
  size_t num_found = 0;
  bool is_last = false;
  while (!message.empty()) {
    const std::string_view whole = message.substr(0, message.find('\n'));
    message.remove_prefix(std::min(whole.size() + 1, message.size()));
    const std::string_view line = without_spaces(whole);
    if (line.empty()) continue;
    const std::optional<std::string_view> entries = verdict_of_line(line);
    is_last = entries.has_value();
    if (!entries) continue;
    found = {line, *entries};
    ++num_found;
  }
  if (num_found == 0)
    *problem = "no line begins with \"Verdict:\"";
  else if (num_found > 1)
    *problem = std::to_string(num_found) + " lines begin with \"Verdict:\", where only one may";
  else if (!is_last)
    *problem = "something stands after the verdict line";
  else if (!found.line.starts_with(kWord))
    *problem = "the verdict line begins with \"" + printable(found.line.substr(0, kWord.size())) +
               "\", not \"Verdict\"";
  return found;
}

// Entries with spaces or one comma between two.
std::vector<std::string_view> split_entries(std::string_view text, std::string* problem) {
  std::vector<std::string_view> entries;
  bool needs_entry = false;  // after a comma
  while (!text.empty()) {
    const std::string_view entry = text.substr(0, text.find_first_of(" \t\r,"));
    if (entry.empty() && text[0] == ',') {
      if (entries.empty() || needs_entry) {
        *problem = "the verdict has a comma with no entry before it";
        return {};
      }
      needs_entry = true;
    } else if (!entry.empty()) {
      entries.push_back(entry);
      needs_entry = false;
    }
    text.remove_prefix(std::max(entry.size(), size_t{1}));
  }
  if (needs_entry) *problem = "the verdict ends in a comma";
  return entries;
}

std::optional<double> points_of(std::string_view entry, int64_t max_points) {
  int64_t points = 0;
  const auto [end, error] = std::from_chars(entry.data(), entry.data() + entry.size(), points);
  if (error != std::errc() || std::to_string(points) != entry) return {};
  if (points < 0 || points > max_points) return {};
  return static_cast<double>(points) / static_cast<double>(max_points);
}

std::optional<double> value_of(std::string_view entry, const VerdictSpec& spec) {
  const std::string small = in_small_letters(entry);
  switch (spec.form) {
    case VerdictForm::kYesNo:
      if (entry == "1" || small == "yes") return 1;
      if (entry == "0" || small == "no") return 0;
      return {};
    case VerdictForm::kPoints:
      return points_of(entry, spec.max_points);
    case VerdictForm::kPairwise:
      if (entry == "A") return 1;
      if (entry == "B") return 0;
      if (small == "tie") return 0.5;
      return {};
  }
  return {};
}

std::string wanted_entries(const VerdictSpec& spec) {
  switch (spec.form) {
    case VerdictForm::kYesNo:
      return "1, 0, yes or no";
    case VerdictForm::kPoints:
      return "a whole number from 0 to " + std::to_string(spec.max_points);
    case VerdictForm::kPairwise:
      return "A, B or tie";
  }
  return "";
}

}  // namespace

ParsedVerdict parse_verdict(std::string_view judge_message, const VerdictSpec& spec) {
  if (spec.form == VerdictForm::kPoints) CHECK_GE(spec.max_points, 1);
  ParsedVerdict verdict;
  const VerdictLine line = find_verdict_line(judge_message, &verdict.problem);
  if (!verdict.problem.empty()) return verdict;
  const std::vector<std::string_view> entries = split_entries(line.entries, &verdict.problem);
  if (!verdict.problem.empty()) return verdict;
  const size_t num_wanted = spec.form == VerdictForm::kPairwise ? 1 : spec.num_criteria;
  if (entries.size() != num_wanted) {
    verdict.problem = "the verdict has " + std::to_string(entries.size()) + " entries, not " +
                      std::to_string(num_wanted);
    return verdict;
  }
  for (const std::string_view entry : entries) {
    const std::optional<double> value = value_of(entry, spec);
    if (!value)
      return {{}, "the verdict has \"" + printable(entry) + "\", not " + wanted_entries(spec)};
    verdict.values.push_back(*value);
  }
  return verdict;
}

}  // namespace amalgam::rewards
