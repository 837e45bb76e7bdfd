#include "rewards/math/last_number.h"

#include <cctype>
#include <vector>

#include "rewards/math/ascii.h"
#include "rewards/math/number.h"

namespace amalgam::rewards {
namespace {

std::vector<Rational> numbers_of(std::string_view text) {
  std::vector<Rational> found;
  size_t i = 0;
  while (i < text.size()) {
    const unsigned char before = i == 0 ? ' ' : static_cast<unsigned char>(text[i - 1]);
    const bool is_sign = text[i] == '-' || text[i] == '+';
    const bool after_operand = std::isalnum(before) || before == ')' || before == '_';
    const bool raised = before == '^' || before == '_' ||
                        (before == '{' && i >= 2 && (text[i - 2] == '^' || text[i - 2] == '_'));
    size_t end = i;
    const bool may_begin = is_sign || text[i] == '.' || text[i] == '\\' ||
                           std::isdigit(static_cast<unsigned char>(text[i]));
    const auto number = after_operand || !may_begin ? std::nullopt : read_number(text, &end);
    if (number) {
      if (!raised) found.push_back(*number);
      i = end;
    } else if (is_sign || !std::isalnum(static_cast<unsigned char>(text[i]))) {
      ++i;
      // "12-5": the digit right after a binary sign begins a number of its own.
      if (after_operand && is_sign && i < text.size()) {
        end = i;
        if (const auto operand = read_number(text, &end)) {
          found.push_back(*operand);
          i = end;
        }
      }
    } else {
      while (i < text.size() && std::isalnum(static_cast<unsigned char>(text[i]))) ++i;
    }
  }
  return found;
}

}  // namespace

std::optional<std::string> last_number(std::string_view text) {
  const auto found = numbers_of(to_ascii(text));
  if (found.empty()) return std::nullopt;
  return spelled(found.back());
}

bool has_one_number(std::string_view text) { return numbers_of(to_ascii(text)).size() == 1; }

}  // namespace amalgam::rewards
