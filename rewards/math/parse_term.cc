#include <algorithm>
#include <array>
#include <utility>

#include "rewards/math/parsing.h"
#include "rewards/math/unit_reader.h"
#include "rewards/math/words.h"

namespace amalgam::rewards {
namespace {

bool is_words(const Node& node) { return node.is(Kind::kText); }

// Letters that are a name or a word and no product, in their order: AB, ∠ABC, HTH, tea. Capitals;
// of others three and more, unless they come in the order that a product is written in, as abc.
std::string word_of(const std::vector<Token>& tokens, size_t begin, size_t end) {
  std::string word;
  bool capitals = true, small = true, sorted = true;
  size_t i = begin;
  if (tokens[i].text == "angle" || tokens[i].text == "triangle") word = tokens[i++].text + " ";
  const size_t first = word.size();
  for (; i < end; ++i) {
    const Token& token = tokens[i];
    if (token.type != Token::Type::kLetter || token.text.size() != 1) return "";
    const char c = token.text[0];
    capitals = capitals && c >= 'A' && c <= 'Z';
    small = small && c >= 'a' && c <= 'z' && (!token.space_before || word.size() == first);
    sorted = sorted && (word.size() == first || word.back() <= c);
    word += c;
  }
  const size_t letters = word.size() - first;
  return (capitals && letters >= 2) || (small && !sorted && letters >= 3) ? word : "";
}

}  // namespace

Node Parser::take_sum() {
  const Level level(this);
  Node total = take_term();
  while (!failed_) {
    if (peek().is("-") && total.is(Kind::kNamedSet)) break;  // a difference of sets
    if (take("+")) {
      total = sum(std::move(total), take_term());
    } else if (take("-")) {
      total = sum(std::move(total), negative(take_term()));
    } else if (peek().is("pm") || peek().is("mp")) {
      Node sign{Kind::kPlusMinus, peek().is("pm") ? "+" : "-", {}};
      ++at_;
      sign.args.push_back(take_term());
      total = sum(std::move(total), std::move(sign));
    } else {
      break;
    }
  }
  return total;
}

Node Parser::take_term() {
  const Level level(this);
  if (take("-")) return failed_ ? Node{} : negative(take_term());
  if (take("+")) return take_term();
  if (peek().is("pm") || peek().is("mp")) {
    Node sign{Kind::kPlusMinus, peek().is("pm") ? "+" : "-", {}};
    ++at_;
    sign.args.push_back(take_term());
    return sign;
  }
  const size_t begin = at_;
  Node result = take_power();
  if (result.is(Kind::kNumber) && at_ == begin + 1) result = with_fraction(std::move(result));
  while (!failed_) {
    if (take("*")) {
      result = product(std::move(result), take_signed_power());
    } else if (take("/")) {
      result = quotient(std::move(result), take_signed_power());
    } else if (begins_factor() && !is_words(result) && !is_letter_between_brackets()) {
      const bool number_after_number =
          peek().type == Type::kNumber && !ends_group(at_ - 1) && !result_ends_with_i();
      if (number_after_number) return fail();  // "10 24"
      if (is_plain_unit() || is_unit_fraction(tokens_, at_)) break;
      Node next = take_power();
      if (is_words(next) || is_collection(next) || is_collection(result)) return fail();
      if (result.is(Kind::kTuple)) return fail();
      if (next.is(Kind::kMatrix) && result.is(Kind::kMatrix)) return fail();
      result = product(std::move(result), std::move(next));
    } else {
      break;
    }
  }
  if (result.is(Kind::kProduct) && !failed_) result.text = word_of(tokens_, begin, at_);
  return result;
}

bool Parser::is_collection(const Node& node) {
  return node.is(Kind::kSet) || node.is(Kind::kList) || node.is(Kind::kRelation) ||
         node.is(Kind::kNamedSet) || node.is(Kind::kQuantity);
}

// "3+i4"; "x2" is no product.
bool Parser::result_ends_with_i() const {
  return tokens_[at_ - 1].type == Type::kLetter && tokens_[at_ - 1].text == "i";
}

bool Parser::ends_group(size_t at) const {
  const Token& token = tokens_[at];
  return token.is(")") || token.is("}") || token.is("]") || token.is("!");
}

Node Parser::take_signed_power() {
  const Level level(this);
  if (take("-")) return failed_ ? Node{} : negative(take_signed_power());
  if (take("+")) return take_signed_power();
  return take_power();
}

// A single letter that is a unit: "5 m", "3 s", with a space before it and nothing behind.
bool Parser::is_plain_unit() const {
  const Token& token = peek();
  if (token.type != Type::kLetter || tokens_[at_ - 1].type != Type::kNumber) return false;
  // "100m^3" as well
  const size_t exponent = peek(2).is("{") ? 3 : 2;
  const bool area = token.text == "m" && peek(1).is("^") &&
                    (peek(exponent).text == "2" || peek(exponent).text == "3");
  if (!token.space_before && !area) return false;
  if (token.text != "Omega" && std::string_view("msghL").find(token.text) == std::string_view::npos)
    return false;
  size_t behind = 1;
  for (;;) {
    if (peek(behind).is("^") && peek(behind + 1).type == Type::kNumber)
      behind += 2;
    else if (peek(behind).is("^") && peek(behind + 1).is("{") &&
             peek(behind + 2).type == Type::kNumber && peek(behind + 3).is("}"))
      behind += 4;
    else if (peek(behind).is("/") &&
             (peek(behind + 1).type == Type::kLetter || peek(behind + 1).type == Type::kUnit))
      behind += 2;
    else
      break;
  }
  const Token& next = peek(behind);
  return next.type == Type::kEnd || next.is(".") || next.is(",");
}

// "2\frac{2}{3}", "2 2/3": an integer and a proper fraction without an operator are their sum.
Node Parser::with_fraction(Node whole) {
  if (!small_integer(whole)) return whole;
  const size_t before = at_;
  if (peek().is("frac")) {
    ++at_;
    Node fraction = take_fraction();
    if (!failed_ && is_proper_fraction(fraction) && (!peek().is("^") || is_degree_sign(1)))
      return take_marks(sum(std::move(whole), std::move(fraction)));
    if (failed_) return {};
  } else if (peek().type == Type::kNumber && peek().space_before && peek(1).is("/") &&
             peek(2).type == Type::kNumber) {
    Node fraction = quotient({Kind::kNumber, peek().text, {}}, {Kind::kNumber, peek(2).text, {}});
    if (is_proper_fraction(fraction)) {
      at_ += 3;
      return sum(std::move(whole), std::move(fraction));
    }
  }
  at_ = before;
  return whole;
}

bool Parser::begins_factor() const {
  const Token& token = peek();
  switch (token.type) {
    case Type::kNumber:
    case Type::kLetter:
      return true;
    case Type::kName:
      return is_function(token) || token.is("(") || token.is("{") || token.is("frac") ||
             token.is("sqrt") || token.is("binom") || token.is("log") || token.is("pi") ||
             token.is("infinity") || token.is("begin") || token.is("lfloor") || token.is("lceil") ||
             token.is("sum") || token.is("prod") || token.is("[") || token.is("langle") ||
             (token.is("|") && bars_ == 0);
    default:
      return false;
  }
}

// A primary with its powers, factorials, per cents and degrees.
Node Parser::take_power() {
  const Level level(this);
  return take_marks(take_primary());
}

Node Parser::take_marks(Node base) {
  constexpr int kMaxMarks = 8;  // a tree as deep as there are marks
  for (int marks = 0; !failed_; ++marks) {
    if (marks > kMaxMarks) return fail();
    if (peek().is("^") && is_degree_sign(1)) {
      ++at_;
      at_ += peek().is("{") ? 3 : 1;
      if (peek().type == Type::kLetter && (peek().text == "C" || peek().text == "F"))
        return Node{Kind::kQuantity, tokens_[at_++].text == "C" ? "celsius" : "fahrenheit", {base}};
      base = Node{Kind::kDegree, "", {std::move(base)}};
    } else if (take("^")) {
      if (peek().is("'")) return fail();
      Node exponent = take_exponent();
      if (failed_) return {};
      base = Node{Kind::kPower, "", {std::move(base), std::move(exponent)}};
    } else if (take("!")) {
      base = take("!") ? call("double_factorial", std::move(base))
                       : call("factorial", std::move(base));
    } else if (take("%")) {
      base = Node{Kind::kPercent, "", {std::move(base)}};
    } else if (take("circ") || take("degree")) {
      base = Node{Kind::kDegree, "", {std::move(base)}};
    } else {
      break;
    }
  }
  return base;
}

bool Parser::is_degree_sign(size_t ahead) const {
  if (peek(ahead).is("circ") || peek(ahead).is("degree")) return true;
  // 45^o
  if (peek(ahead).type == Type::kLetter && peek(ahead).text == "o") return true;
  return peek(ahead).is("{") && (peek(ahead + 1).is("circ") || peek(ahead + 1).is("degree")) &&
         peek(ahead + 2).is("}");
}

Node Parser::take_exponent() {
  const Level level(this);
  if (take("-")) return failed_ ? Node{} : negative(take_exponent());
  if (take("+")) return take_exponent();
  Node exponent = take_primary();
  if (!failed_ && peek().is("^") && !is_degree_sign(1)) {
    ++at_;
    Node next = take_exponent();
    exponent = Node{Kind::kPower, "", {std::move(exponent), std::move(next)}};
  }
  return exponent;
}

// The argument of a command: a group, or one digit, letter or command.
Node Parser::take_argument() {
  const Level level(this);
  if (failed_) return {};
  if (peek().type == Type::kNumber && peek().text.size() > 1) {
    Token& token = tokens_[at_];
    const std::string digit = token.text.substr(0, 1);
    token.text.erase(0, 1);
    return {Kind::kNumber, digit, {}};
  }
  return take_primary();
}

}  // namespace amalgam::rewards
