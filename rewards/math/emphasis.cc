#include "rewards/math/emphasis.h"

#include <cctype>

namespace amalgam::rewards {
namespace {

bool may_end_operand(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == ')' || c == '}' || c == ']';
}
bool may_begin_operand(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '(' || c == '{' || c == '\\';
}

}  // namespace

std::string without_emphasis(std::string_view text, size_t* span_end) {
  *span_end = std::string::npos;
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c != '*' && c != '_') {
      out += c;
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() && text[end] == c) ++end;
    const bool at_begin = i == 0, at_end = end == text.size();
    const char before = at_begin ? ' ' : text[i - 1], next = at_end ? ' ' : text[end];
    // Closing marks stand before a space or punctuation, opening ones behind them.
    const bool closes = before != ' ' && before != '^' && before != '\\' &&
                        (at_end || std::string_view(" .,;:!?\n<").find(next) != std::string::npos);
    const bool opens =
        next != ' ' && (at_begin || std::string_view(" (\n").find(before) != std::string::npos);
    const bool is_operator = may_end_operand(before) && may_begin_operand(next);
    const bool is_mark = end - i >= 2 ? !is_operator && (c == '*' || closes || opens)
                                      : closes || (opens && at_begin);
    if (!is_mark) {
      out += text.substr(i, end - i);
    } else if (closes && *span_end == std::string::npos) {
      *span_end = out.size();
    }
    i = end + (is_mark && closes && next == '!' ? 1 : 0);  // which is no factorial
  }
  return out;
}

}  // namespace amalgam::rewards
