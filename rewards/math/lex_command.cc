#include <algorithm>
#include <iterator>

#include "rewards/math/lexer.h"
#include "rewards/math/token_names.h"

namespace amalgam::rewards {

void Lexer::take_command() {
  ++at_;
  const char c = peek();
  if (!is_letter(c)) {
    ++at_;
    if (c == '\0') return;
    if (c == ',' || c == ';' || c == ':' || c == '>' || c == ' ' || c == '\n' || c == '/') {
      space_ = true;
    } else if (c == '{' || c == '}') {
      add(Token::Type::kName, c == '{' ? "\\{" : "\\}");
      if (c == '{')
        open_bracket(true);
      else
        close_bracket();
    } else if (c == '%') {
      add(Token::Type::kName, "%");
    } else if (c == '$') {
      add(Token::Type::kUnit, "dollar");
    } else if (c == '\\') {
      add(Token::Type::kName, "\\\\");
      skip_row_space();
    } else if (c == '|') {
      add(Token::Type::kName, "|");
    } else if (c == '_' || c == '#' || c == '&') {
      add(Token::Type::kUnknown, std::string(1, c));
    }
    return;  // \! \( \) \[ \] and others mean nothing
  }
  const size_t begin = at_;
  while (is_letter(peek())) ++at_;
  const std::string_view command = text_.substr(begin, at_ - begin);
  if (command == "overrightarrow" && is_one_letter_ahead()) return take_upright("vec");
  switch (use_of_command(command)) {
    case CommandUse::kSpace:
      space_ = true;
      if (peek() == '{') skip_group();
      return;
    case CommandUse::kHidden:
      if (peek() == '{') skip_group();
      return;
    case CommandUse::kIgnored:
      if (peek() == '.' && (command == "left" || command == "right")) ++at_;
      return;
    case CommandUse::kUpright:
      return take_upright(command);
    case CommandUse::kNamed:
      break;
  }
  if (command == "times" && is_between_vectors()) return add(Token::Type::kUnknown, command);
  if (const auto name = name_of_command(command); !name.empty())
    return add(Token::Type::kName, name);
  if (command == "pounds" || command == "textsterling") return add(Token::Type::kUnit, "pound");
  if (command == "euro") return add(Token::Type::kUnit, "euro");
  if (command == "yen" || command == "textyen") return add(Token::Type::kUnit, "yen");
  if (command == "rupee") return add(Token::Type::kUnit, "rupee");
  if (command == "imath") return add(Token::Type::kLetter, "i");
  if (command == "not") {
    while (peek() == ' ') ++at_;
    if (peek() == '=') {
      ++at_;
      return add(Token::Type::kName, "!=");
    }
  }
  if (command == "not" || command == "lnot") return add(Token::Type::kUnknown, "not");
  if (const auto letter = letter_of_command(command); !letter.empty())
    return add(Token::Type::kLetter, letter);
  add(Token::Type::kUnknown, command);
}

bool Lexer::is_between_vectors() const {
  const size_t next = std::min(text_.find_first_not_of(" {(", at_), text_.size());
  if (tokens_.empty() || tokens_.back().type == Token::Type::kNumber) return false;
  constexpr std::string_view kVectors[] = {
      "\\vec", "\\overrightarrow", "\\mathbf", "\\boldsymbol", "\\bm", "\\hat"};
  return std::any_of(std::begin(kVectors), std::end(kVectors), [&](std::string_view command) {
    const std::string_view rest = text_.substr(next);
    const size_t argument = command.size();
    return rest.starts_with(command) && argument < rest.size() && !is_letter(rest[argument]) &&
           rest.find_first_of("0123456789", argument) != argument + 1 && had_vector_;
  });
}

void Lexer::skip_row_space() {
  const size_t close = peek() == '[' ? text_.find(']', at_) : std::string_view::npos;
  if (close != std::string_view::npos && close - at_ < 8 && is_letter(text_[close - 1]))
    at_ = close + 1;
}

bool Lexer::is_one_letter_ahead() const {
  const size_t begin = text_.find_first_not_of(" ", at_);
  if (begin == std::string_view::npos) return false;
  if (is_letter(text_[begin])) return true;
  return begin + 2 < text_.size() && text_[begin] == '{' && is_letter(text_[begin + 1]) &&
         text_[begin + 2] == '}';
}

void Lexer::skip_group() {
  while (at_ < text_.size() && peek() != '}') ++at_;
  ++at_;
}

void Lexer::take_upright(std::string_view command) {
  while (peek() == ' ' || peek() == '*') ++at_;
  had_vector_ = had_vector_ || command == "vec" || command == "mathbf" || command == "hat" ||
                command == "boldsymbol" || command == "bm";
  if (command == "mathbb" && is_letter(peek())) {
    add(Token::Type::kName, "mathbb" + std::string(1, peek()));
    ++at_;
    return;
  }
  if (peek() != '{') return;
  // One letter in bold, blackboard bold or with an arrow is a letter of its own kind.
  if (is_letter(peek(1)) && peek(2) == '}') {
    const std::string letter(1, peek(1));
    if (command == "mathbb") {
      at_ += 3;
      return add(Token::Type::kName, "mathbb" + letter);
    }
    if (command == "mathbf" && (letter == "R" || letter == "Z" || letter == "Q")) {
      at_ += 3;
      return add(Token::Type::kName, "mathbb" + letter);
    }
    const bool bold = command == "mathbf" || command == "vec" || command == "hat" ||
                      command == "boldsymbol" || command == "bm" || command == "textbf";
    if (bold && letter >= "i" && letter <= "k") {
      at_ += 3;
      return add(Token::Type::kLetter, "*" + letter);
    }
  }
  if (command == "hat" || command == "vec") {
    if (starts("{\\imath}") || starts("{\\jmath}")) {
      const std::string letter(1, peek(2));
      at_ += 8;
      return add(Token::Type::kLetter, "*" + letter);
    }
  }
  ++at_;
  open_bracket(!brackets_.empty() && brackets_.back().of_parts);
  open_.push_back(true);
  if (command != "boxed" && command != "fbox" && command != "framebox" && command != "underline" &&
      command != "overline" && command != "ensuremath")
    ++upright_depth_, upright_.push_back(true);
  else
    upright_.push_back(false);
}

}  // namespace amalgam::rewards
