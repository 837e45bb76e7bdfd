#include "rewards/math/tokens.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "rewards/math/token_names.h"
#include "rewards/math/units.h"

namespace amalgam::rewards {
namespace {

constexpr size_t kMaxTokens = 4000;

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool is_figure(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  Lexer(std::string_view text, Commas commas) : text_(text), commas_(commas) {}

  std::optional<std::vector<Token>> run() {
    while (at_ < text_.size()) {
      step();
      if (tokens_.size() > kMaxTokens) return std::nullopt;
    }
    add(Token::Type::kEnd, "");
    return std::move(tokens_);
  }

 private:
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool starts(std::string_view what) const { return text_.substr(at_, what.size()) == what; }

  void add(Token::Type type, std::string_view text) {
    tokens_.push_back({type, std::string(text), space_, upright_depth_ > 0});
    space_ = false;
  }

  // ".\overline{3}"
  bool is_period_ahead() const {
    return text_.substr(at_ + 1).starts_with("\\overline{") && is_figure(peek(11)) &&
           !after_value();
  }

  void step() {
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

  // Digits with separators of thousands, each before exactly three digits.
  void take_number() {
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

  std::string take_figures() {
    const size_t begin = at_;
    while (is_figure(peek())) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  // Of the separator of thousands that stands here, always the same one within a number; 0: none.
  size_t separator_length(std::string_view* separator) {
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

  // Whether the comma here is one between the parts of a tuple or a set.
  bool separates_here() {
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

  void open_bracket(bool of_parts) { brackets_.push_back({at_, of_parts}); }
  void close_bracket() {
    if (!brackets_.empty()) brackets_.pop_back();
  }

  // The figures of \overline{36}, \bar{3}, \dot{3}, \dot{1}4285\dot{7}, (36), which stand here
  // behind the point or the decimals of a number; none: an empty text.
  std::string take_period(bool behind_point) {
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
  std::string take_marked_figures(std::string_view command) {
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

  // 0.1\overline{6} is (16 − 1)/90: as many nines as the period has figures, as many noughts as
  // stand before it.
  void add_repeating(const std::string& digits, const std::string& period) {
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

  // 1.5e-3, not 2e^{x} nor 3ex.
  void take_exponent() {
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

  bool after_operand() const {
    if (tokens_.empty()) return false;
    const Token& last = tokens_.back();
    return last.type == Token::Type::kNumber || last.type == Token::Type::kUnit || last.is(")") ||
           last.is("}") || last.is("/") || last.is("degree") || last.is("circ") || last.is("%") ||
           last.is("*") || last.is("infinity") || last.is("pi");
  }
  bool after_value() const { return after_operand() && !tokens_.back().is("/"); }

  void take_letters() {
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

  // "2cosx", "xlnx": functions among single letters.
  bool split_functions(std::string_view run) {
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

  void add_letter(std::string_view letter) {
    if (upright_depth_ > 0 && after_value() && is_unit(letter)) {
      add(Token::Type::kUnit, letter);
    } else {
      add(Token::Type::kLetter, letter);
    }
  }

  void take_command() {
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

  // a × b of vectors is not b × a, which no reader of products knows.
  bool is_between_vectors() const {
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

  // \\[2mm]
  void skip_row_space() {
    const size_t close = peek() == '[' ? text_.find(']', at_) : std::string_view::npos;
    if (close != std::string_view::npos && close - at_ < 8 && is_letter(text_[close - 1]))
      at_ = close + 1;
  }

  bool is_one_letter_ahead() const {
    const size_t begin = text_.find_first_not_of(" ", at_);
    if (begin == std::string_view::npos) return false;
    if (is_letter(text_[begin])) return true;
    return begin + 2 < text_.size() && text_[begin] == '{' && is_letter(text_[begin + 1]) &&
           text_[begin + 2] == '}';
  }

  void skip_group() {
    while (at_ < text_.size() && peek() != '}') ++at_;
    ++at_;
  }

  // \text{cm}: the content, as it stands in plain text.
  void take_upright(std::string_view command) {
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
    if (command != "boxed" && command != "fbox" && command != "framebox" &&
        command != "underline" && command != "overline" && command != "ensuremath")
      ++upright_depth_, upright_.push_back(true);
    else
      upright_.push_back(false);
  }

  void take_sign() {
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

}  // namespace

std::optional<std::vector<Token>> tokens_of(std::string_view ascii, Commas commas) {
  return Lexer(ascii, commas).run();
}

}  // namespace amalgam::rewards
