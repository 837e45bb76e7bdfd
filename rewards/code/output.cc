#include "rewards/code/output.h"

#include <charconv>
#include <cmath>
#include <optional>

namespace amalgam::rewards {
namespace {

constexpr double kRelative = 1e-5;
constexpr double kAbsolute = 1e-8;

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f); }

std::string_view strip(std::string_view s) {
  while (!s.empty() && is_blank(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_blank(s.back())) s.remove_suffix(1);
  return s;
}

// The next line that is not empty, stripped; nothing at the end.
std::optional<std::string_view> next_line(std::string_view* rest) {
  while (!rest->empty()) {
    const size_t end = rest->find('\n');
    const std::string_view line = strip(rest->substr(0, end));
    *rest = end == std::string_view::npos ? std::string_view() : rest->substr(end + 1);
    if (!line.empty()) return line;
  }
  return std::nullopt;
}

bool is_integer(std::string_view s) {
  if (!s.empty() && (s[0] == '-' || s[0] == '+')) s.remove_prefix(1);
  return !s.empty() && s.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<double> number(std::string_view s) {
  if (!s.empty() && s[0] == '+') s.remove_prefix(1);
  double value = 0;
  const auto parsed = std::from_chars(s.data(), s.data() + s.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != s.data() + s.size()) return std::nullopt;
  return value;
}

bool equal_lines(std::string_view printed, std::string_view expected) {
  if (printed == expected) return true;
  if (is_integer(printed) && is_integer(expected))
    return number(printed) == number(expected) && printed.size() < 16 &&
           expected.size() < 16;  // +7, 07: doubles are exact so far
  const auto a = number(printed), b = number(expected);
  if (!a || !b) return false;
  if (!std::isfinite(*a) || !std::isfinite(*b)) return *a == *b;
  return std::abs(*a - *b) <= kAbsolute + kRelative * std::abs(*b);
}

}  // namespace

bool equal_outputs(std::string_view printed, std::string_view expected) {
  for (;;) {
    const auto a = next_line(&printed), b = next_line(&expected);
    if (!a || !b) return !a && !b;
    if (!equal_lines(*a, *b)) return false;
  }
}

}  // namespace amalgam::rewards
