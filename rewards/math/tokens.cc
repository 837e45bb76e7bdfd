#include "rewards/math/tokens.h"

#include <algorithm>
#include <cctype>

#include "rewards/math/lexer.h"
#include "rewards/math/token_names.h"

namespace amalgam::rewards {

std::optional<std::vector<Token>> Lexer::run() {
  while (at_ < text_.size()) {
    step();
    if (tokens_.size() > kMaxTokens) return std::nullopt;
  }
  add(Token::Type::kEnd, "");
  return std::move(tokens_);
}

void Lexer::step() {
  const char c = peek();
  if (std::isspace(static_cast<unsigned char>(c)) || c == '~') {
    space_ = true;
    ++at_;
  } else if (is_figure(c) || (c == '.' && (is_figure(peek(1)) || is_period_ahead()))) {
    take_number();
  } else if (is_letter(c)) {
    take_letters();
  } else if (c == '\\') {
    take_command();
  } else {
    take_sign();
  }
}

void Lexer::take_letters() {
  const size_t begin = at_;
  while (is_letter(peek())) ++at_;
  const std::string_view run = text_.substr(begin, at_ - begin);
  if (run == "US" && (starts(" dollar") || starts("\\$") || starts("}\\$"))) return;  // US$
  // 1.5 x 10^3
  if ((run == "x" || run == "X") && after_value() && (starts(" 10^") || starts("10^")))
    return add(Token::Type::kName, "*");
  // "p.m.", "a.m.": the point does not end it.
  std::string lower(run);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (run.size() == 1) return add_letter(run);
  if (after_operand() && is_unit(run)) return add(Token::Type::kUnit, run);
  if (is_currency(run)) return add(Token::Type::kUnit, run);
  const bool choose_of_words = lower == "choose" && !after_value();
  if (const auto name = name_of_word(lower); !name.empty() && !choose_of_words) {
    return add(Token::Type::kName, name);
  }
  if (split_functions(run)) return;
  const bool capitals =
      std::none_of(run.begin(), run.end(), [](unsigned char c) { return std::islower(c) != 0; });
  if (run.size() >= 4 || (upright_depth_ > 0 && !capitals)) return add(Token::Type::kWord, lower);
  for (size_t i = 0; i < run.size(); ++i) add_letter(run.substr(i, 1));
}

bool Lexer::split_functions(std::string_view run) {
  if (run.size() > 6) return false;
  constexpr std::string_view kGlued[] = {"sqrt", "sin", "cos", "tan", "log", "exp", "ln", "pi"};
  for (const std::string_view f : kGlued) {
    const size_t found = run.find(f);
    if (found == std::string_view::npos || run.size() - f.size() > 2) continue;
    for (size_t i = 0; i < found; ++i) add_letter(run.substr(i, 1));
    add(Token::Type::kName, f);
    for (size_t i = found + f.size(); i < run.size(); ++i) add_letter(run.substr(i, 1));
    return true;
  }
  return false;
}

void Lexer::take_sign() {
  const char c = peek();
  ++at_;
  switch (c) {
    case '{':
      // {1,200} is a set, \frac{1,200}{7} has none.
      open_bracket(tokens_.empty() || tokens_.back().is("=") || tokens_.back().is("in"));
      open_.push_back(false);
      upright_.push_back(false);
      return add(Token::Type::kName, "{");
    case '}': {
      const bool of_text = !open_.empty() && open_.back();
      if (!open_.empty()) {
        if (upright_.back()) --upright_depth_;
        open_.pop_back();
        upright_.pop_back();
      }
      close_bracket();
      if (of_text) return;
      return add(Token::Type::kName, "}");
    }
    case '$':
      return;
    case '*':
      if (peek() == '*') {
        ++at_;
        return add(Token::Type::kName, "^");
      }
      return add(Token::Type::kName, "*");
    case '<':
    case '>':
    case '!':
      if (peek() == '=') {
        ++at_;
        return add(Token::Type::kName, std::string(1, c) + "=");
      }
      return add(Token::Type::kName, std::string(1, c));
    case '=':
      if (peek() == '<' || peek() == '>') {
        const char other = peek();
        ++at_;
        return add(Token::Type::kName, std::string(1, other) + "=");
      }
      if (peek() == '=') ++at_;
      return add(Token::Type::kName, "=");
    case '`':
    case '"':
      return;
    default:
      if (c == '(' || c == '[') open_bracket(true);
      if (c == ')' || c == ']') close_bracket();
      if (std::string_view("+-/^_()[]|,;:%&'.").find(c) != std::string_view::npos && c != '\0')
        return add(Token::Type::kName, std::string(1, c));
      return add(Token::Type::kUnknown, std::string(1, c));
  }
}

std::optional<std::vector<Token>> tokens_of(std::string_view ascii, Commas commas) {
  return Lexer(ascii, commas).run();
}

}  // namespace amalgam::rewards
