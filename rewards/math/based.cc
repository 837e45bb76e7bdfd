#include "rewards/math/based.h"

#include <string>

#include "rewards/math/words.h"

namespace amalgam::rewards {
namespace {

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::optional<Node> based_number(std::string_view words) {
  constexpr size_t kMaxBytes = 200;
  if (words.size() > kMaxBytes) return std::nullopt;
  // Digits, then "_" or "base" or "in base", then the base.
  size_t split = words.find('_');
  size_t behind = split + 1;
  if (split == std::string_view::npos) {
    split = words.find("base");
    behind = split + 4;
    if (split == std::string_view::npos) return std::nullopt;
  }
  std::string digits, base;
  for (const char c : words.substr(0, split))
    if (c != ' ' && c != '(' && c != ')' && c != '{' && c != '}' && c != ',') digits += c;
  for (const char c : words.substr(behind))
    if (c != '{' && c != '}' && c != '(' && c != ')') base += c;
  if (digits.ends_with("in") && words[split] != '_') digits.resize(digits.size() - 2);
  while (!base.empty() && base.front() == ' ') base.erase(0, 1);
  if (base.starts_with("\\text")) base.erase(0, 5);
  long value = 0;
  if (const auto named = number_in_words(base); named && !base.empty()) {
    value = *named;
  } else {
    if (base.empty() || base.size() > 2) return std::nullopt;
    for (const char c : base) {
      if (c < '0' || c > '9') return std::nullopt;
      value = 10 * value + (c - '0');
    }
  }
  if (value < 2 || value > 36 || digits.empty()) return std::nullopt;
  std::string sign;
  if (digits[0] == '-') sign = "-", digits.erase(0, 1);
  bool any_figure = false;
  size_t points = 0;
  for (const char c : digits) {
    if (c == '.') {
      ++points;
      continue;
    }
    const int d = digit_value(c);
    if (d < 0 || d >= value) return std::nullopt;
    any_figure = any_figure || d < 10;
  }
  // a_2 is a variable.
  if (points > 1 || (!any_figure && digits.size() < 2) || digits == ".") return std::nullopt;
  const size_t first = digits.find_first_not_of('0');
  digits.erase(0, first == std::string::npos ? digits.size() - 1 : first);
  return Node{Kind::kBased, sign + digits + "_" + std::to_string(value), {}};
}

}  // namespace amalgam::rewards
