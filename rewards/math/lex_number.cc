#include <algorithm>

#include "rewards/math/lexer.h"

namespace amalgam::rewards {

bool Lexer::is_period_ahead() const {
  return text_.substr(at_ + 1).starts_with("\\overline{") && is_figure(peek(11)) && !after_value();
}

void Lexer::take_number() {
  number_begin_ = at_;
  std::string digits = take_figures();
  if (!digits.empty() && digits.size() <= 3 && digits[0] != '0') {
    std::string grouped = digits;
    const size_t begin = at_;
    size_t end = at_;
    std::string_view separator;
    while (const size_t length = separator_length(&separator)) {
      at_ += length;
      const std::string group = take_figures();
      if (group.size() != 3) {
        // 12,3456 is a list, and 1 2345 no number at all.
        if (group.size() > 3) grouped = digits, end = begin;
        break;
      }
      grouped += group;
      end = at_;
    }
    at_ = end;
    digits = std::move(grouped);
  }
  if (peek() == '.' && is_figure(peek(1))) {
    ++at_;
    digits += '.';
    digits += take_figures();
    if (const std::string period = take_period(false); !period.empty())
      return add_repeating(digits, period);
  } else if (peek() == '.' && (peek(1) == '\\' || peek(1) == '(')) {
    ++at_;
    if (const std::string period = take_period(true); !period.empty())
      return add_repeating(digits, period);
  } else if (peek() == '.' && !digits.empty() && !is_letter(peek(1)) && peek(1) != '.') {
    ++at_;  // "17."
  }
  add(Token::Type::kNumber, digits);
  take_exponent();
}

size_t Lexer::separator_length(std::string_view* separator) {
  constexpr std::string_view kSeparators[] = {"{,}", "\\,", "{\\,}", ",\\!", ",\\,", ",",
                                              " ",   "~",   "'",     "\\ ",  "\\;"};
  for (const std::string_view s : kSeparators) {
    if (!starts(s)) continue;
    if (s == "," && (commas_ == Commas::kSeparate || separates_here())) return 0;
    if (!separator->empty() && *separator != s) return 0;
    if (!is_figure(peek(s.size()))) return 0;
    *separator = s;
    return s.size();
  }
  return 0;
}

bool Lexer::separates_here() {
  if (commas_ != Commas::kGroupThousands || brackets_.empty() || !brackets_.back().of_parts)
    return false;
  if (peek(1) == '0') return false;  // (1,000)
  if (number_begin_ >= 2 && text_.substr(number_begin_ - 2, 2) == "\\$") return false;
  Bracket& bracket = brackets_.back();
  if (!bracket.is_searched) {
    bracket.is_searched = true;
    constexpr size_t kMostBytes = 1000;
    const size_t end = std::min(text_.size(), at_ + kMostBytes);
    int depth = 0;
    for (size_t i = bracket.begin; i < end && depth >= 0; ++i) {
      const char c = text_[i];
      if (c == '(' || c == '[' || c == '{') ++depth;
      if (c == ')' || c == ']' || c == '}') --depth;
      if (depth == 0 && c == ',' && i + 1 < end && (text_[i + 1] == ' ' || text_[i + 1] == '\\'))
        bracket.has_spaced_comma = true;
    }
  }
  return !bracket.has_spaced_comma;
}

std::string Lexer::take_period(bool behind_point) {
  const size_t begin = at_;
  std::string period;
  if (behind_point && peek() == '(') {  // 0.(36)
    ++at_;
    period = take_figures();
    if (peek() == ')')
      ++at_;
    else
      period.clear();
  }
  for (const std::string_view command : {"\\overline", "\\bar", "\\dot"}) {
    if (!starts(command)) continue;
    const bool dots = command == "\\dot";
    period = take_marked_figures(command);
    if (!dots || period.empty()) break;
    const size_t behind = at_;
    const std::string between = take_figures();
    const std::string last = starts(command) ? take_marked_figures(command) : "";
    if (last.empty())
      at_ = behind;
    else
      period += between + last;
    break;
  }
  constexpr size_t kMostFigures = 60;
  if (period.empty() || period.size() > kMostFigures) {
    at_ = begin;
    return "";
  }
  return period;
}

std::string Lexer::take_marked_figures(std::string_view command) {
  at_ += command.size();
  while (peek() == ' ') ++at_;
  if (is_figure(peek())) return std::string(1, text_[at_++]);
  if (peek() != '{') return "";
  ++at_;
  std::string figures = take_figures();
  if (peek() != '}') return "";
  ++at_;
  return figures;
}

void Lexer::add_repeating(const std::string& digits, const std::string& period) {
  const size_t point = digits.find('.');
  const size_t decimals = point == std::string::npos ? 0 : digits.size() - point - 1;
  std::string before = digits;
  if (point != std::string::npos) before.erase(point, 1);
  add(Token::Type::kName, "(");
  add(Token::Type::kName, "(");
  add(Token::Type::kNumber, before + period);
  add(Token::Type::kName, "-");
  add(Token::Type::kNumber, before.empty() ? "0" : before);
  add(Token::Type::kName, ")");
  add(Token::Type::kName, "/");
  add(Token::Type::kNumber, std::string(period.size(), '9') + std::string(decimals, '0'));
  add(Token::Type::kName, ")");
}

void Lexer::take_exponent() {
  if (peek() != 'e' && peek() != 'E') return;
  const size_t sign = peek(1) == '-' || peek(1) == '+' ? 1 : 0;
  size_t figures = 0;
  while (is_figure(peek(1 + sign + figures))) ++figures;
  if (figures == 0 || figures > 9 || is_letter(peek(1 + sign + figures))) return;
  const bool minus = peek(1) == '-';
  const std::string_view digits = text_.substr(at_ + 1 + sign, figures);
  at_ += 1 + sign + figures;
  add(Token::Type::kName, "*");
  add(Token::Type::kNumber, "10");
  add(Token::Type::kName, "^");
  add(Token::Type::kName, "{");
  if (minus) add(Token::Type::kName, "-");
  add(Token::Type::kNumber, digits);
  add(Token::Type::kName, "}");
}

}  // namespace amalgam::rewards
