// The lexer's parts; tokens.h is its interface. Numbers are read in lex_number.cc, commands in
// lex_command.cc, letters and signs in tokens.cc.
#pragma once
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rewards/math/tokens.h"
#include "rewards/math/units.h"

namespace amalgam::rewards {

class Lexer {
 public:
  Lexer(std::string_view text, Commas commas) : text_(text), commas_(commas) {}

  std::optional<std::vector<Token>> run();

 private:
  static constexpr size_t kMaxTokens = 4000;
  static bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
  static bool is_figure(char c) { return c >= '0' && c <= '9'; }

  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool starts(std::string_view what) const { return text_.substr(at_, what.size()) == what; }

  void add(Token::Type type, std::string_view text) {
    tokens_.push_back({type, std::string(text), space_, upright_depth_ > 0});
    space_ = false;
  }

  // ".\overline{3}"
  bool is_period_ahead() const;

  void step();

  // Digits with separators of thousands, each before exactly three digits.
  void take_number();

  std::string take_figures() {
    const size_t begin = at_;
    while (is_figure(peek())) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  // Of the separator of thousands that stands here, always the same one within a number; 0: none.
  size_t separator_length(std::string_view* separator);

  // Whether the comma here is one between the parts of a tuple or a set.
  bool separates_here();

  void open_bracket(bool of_parts) { brackets_.push_back({at_, of_parts}); }
  void close_bracket() {
    if (!brackets_.empty()) brackets_.pop_back();
  }

  // The figures of \overline{36}, \bar{3}, \dot{3}, \dot{1}4285\dot{7}, (36), which stand here
  // behind the point or the decimals of a number; none: an empty text.
  std::string take_period(bool behind_point);
  std::string take_marked_figures(std::string_view command);

  // 0.1\overline{6} is (16 − 1)/90: as many nines as the period has figures, as many noughts as
  // stand before it.
  void add_repeating(const std::string& digits, const std::string& period);

  // 1.5e-3, not 2e^{x} nor 3ex.
  void take_exponent();

  bool after_operand() const {
    if (tokens_.empty()) return false;
    const Token& last = tokens_.back();
    return last.type == Token::Type::kNumber || last.type == Token::Type::kUnit || last.is(")") ||
           last.is("}") || last.is("/") || last.is("degree") || last.is("circ") || last.is("%") ||
           last.is("*") || last.is("infinity") || last.is("pi");
  }
  bool after_value() const { return after_operand() && !tokens_.back().is("/"); }

  void take_letters();

  // "2cosx", "xlnx": functions among single letters.
  bool split_functions(std::string_view run);

  void add_letter(std::string_view letter) {
    if (upright_depth_ > 0 && after_value() && is_unit(letter)) {
      add(Token::Type::kUnit, letter);
    } else {
      add(Token::Type::kLetter, letter);
    }
  }

  void take_command();

  // a × b of vectors is not b × a, which no reader of products knows.
  bool is_between_vectors() const;

  // \\[2mm]
  void skip_row_space();

  bool is_one_letter_ahead() const;

  void skip_group();

  // \text{cm}: the content, as it stands in plain text.
  void take_upright(std::string_view command);

  void take_sign();

  std::string_view text_;
  Commas commas_;
  size_t at_ = 0;
  bool space_ = false;
  std::vector<bool> open_, upright_;  // open braces: of \text{}; and whether upright
  int upright_depth_ = 0;
  struct Bracket {
    size_t begin;   // of what it holds
    bool of_parts;  // that commas separate
    bool is_searched = false, has_spaced_comma = false;
  };
  std::vector<Bracket> brackets_;  // open ones, braces as well
  size_t number_begin_ = 0;
  bool had_vector_ = false;
  std::vector<Token> tokens_;
};

}  // namespace amalgam::rewards
