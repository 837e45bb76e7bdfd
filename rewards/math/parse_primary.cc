#include <algorithm>
#include <array>
#include <utility>

#include "rewards/math/parsing.h"
#include "rewards/math/unit_reader.h"
#include "rewards/math/words.h"

namespace amalgam::rewards {
namespace {

constexpr std::string_view kFunctions[] = {
    "sin",  "cos", "tan", "cot", "sec", "csc",   "arcsin", "arccos", "arctan", "sinh", "cosh",
    "tanh", "ln",  "lg",  "exp", "abs", "floor", "ceil",   "gcd",    "lcm",    "min",  "max"};

}  // namespace

bool is_function(const Token& token) {
  return token.type == Token::Type::kName && std::find(std::begin(kFunctions), std::end(kFunctions),
                                                       token.text) != std::end(kFunctions);
}

Node Parser::take_primary() {
  const Level level(this);
  if (failed_) return {};
  const Token token = peek();
  ++at_;
  switch (token.type) {
    case Type::kNumber: {
      // Spellings of one number are one text.
      std::string digits = token.text;
      if (digits.find('.') != std::string::npos) {
        while (digits.back() == '0') digits.pop_back();
        if (digits.back() == '.') digits.pop_back();
      }
      const size_t first = std::min(digits.find_first_not_of('0'), digits.size());
      digits.erase(0, first);
      if (digits.empty() || digits[0] == '.') digits.insert(0, "0");
      return {Kind::kNumber, digits, {}};
    }
    case Type::kLetter:
      return take_symbol(token);
    case Type::kWord: {
      std::string text = token.text;
      while (peek().type == Type::kWord || (peek().is("'") && peek(1).type == Type::kLetter) ||
             (peek().type == Type::kLetter && peek().space_before && peek().upright))
        text += " " + tokens_[at_++].text;
      if (const auto value = number_in_words(text)) return number(*value);
      return {Kind::kText, text, {}};
    }
    case Type::kName:
      --at_;
      return take_named();
    default:
      return fail();
  }
}

// Up to the brace that closes it; braces around one token or around all of it mean nothing:
// n_{k}, {n}_k and {n_k} are n_k.
std::string Parser::take_subscript() {
  struct Group {
    size_t begin;  // in the text
    size_t tokens;
  };
  std::vector<Group> groups = {{0, 0}};
  std::string text;
  bool all = false;  // the text is one group
  for (; peek().type != Type::kEnd; ++at_) {
    if (peek().is("{")) {
      groups.push_back({text.size(), 0});
    } else if (peek().is("}")) {
      const Group group = groups.back();
      groups.pop_back();
      if (groups.empty()) break;
      all = group.begin == 0;
      ++groups.back().tokens;
      if (group.tokens > 1) {
        text.insert(group.begin, "{");
        text += "}";
      }
      continue;
    } else {
      ++groups.back().tokens;
      text += peek().text;
    }
    all = false;
  }
  expect("}");
  if (all && text.starts_with('{') && text.ends_with('}')) text = text.substr(1, text.size() - 2);
  return text;
}

Node Parser::take_symbol(const Token& token) {
  Node symbol{Kind::kSymbol, token.text, {}};
  if (peek().is("_")) {
    ++at_;
    symbol.text += "_";
    if (take("{")) {
      symbol.text += take_subscript();
    } else {
      symbol.text += tokens_[at_].text;
      if (peek().type == Type::kEnd) return fail();
      ++at_;
    }
  }
  while (take("'")) symbol.text += "'";
  // f^{\prime}
  const size_t braces = peek(1).is("{") ? 1 : 0;
  if (peek().is("^") && peek(1 + braces).is("'")) {
    at_ += 1 + braces;
    while (take("'")) symbol.text += "'";
    if (braces) expect("}");
  }
  if (symbol.text == "e" || symbol.text == "i") symbol.kind = Kind::kConstant;
  // f(x): a function that nothing is known of.
  constexpr std::string_view kOpaque = "fgFG";
  const bool opaque = kOpaque.find(symbol.text[0]) != std::string_view::npos &&
                      (symbol.text.size() == 1 || symbol.text[1] == '_' || symbol.text[1] == '\'');
  // C(10,3)
  if (symbol.text == "C" && peek().is("(") && peek(1).type == Type::kNumber && peek(2).is(",") &&
      peek(3).type == Type::kNumber && peek(4).is(")")) {
    Node node{Kind::kCall,
              "binom",
              {{Kind::kNumber, peek(1).text, {}}, {Kind::kNumber, peek(3).text, {}}}};
    at_ += 5;
    return node;
  }
  if (opaque && peek().is("(")) {
    ++at_;
    Node arguments = take_list();
    expect(")");
    if (failed_) return {};
    Node node{Kind::kCall, "@" + symbol.text, {}};
    if (arguments.is(Kind::kList))
      node.args = std::move(arguments.args);
    else
      node.args.push_back(std::move(arguments));
    return node;
  }
  return symbol;
}

Node Parser::take_named() {
  const Token token = peek();
  if (is_function(token)) return take_function();
  ++at_;
  if (token.is("frac")) return take_fraction();
  if (token.is("binom")) return take_binomial();
  if (token.is("sqrt")) return take_root();
  if (token.is("log")) return take_logarithm();
  if (token.is("pi")) return {Kind::kConstant, "pi", {}};
  if (token.is("infinity")) return {Kind::kConstant, "inf", {}};
  if (token.is("emptyset")) return Node{Kind::kSet};
  if (token.text.starts_with("mathbb")) return take_named_set(token.text.substr(6));
  if (token.is("(") || token.is("[")) return take_brackets(token.text[0]);
  if (token.is("langle")) return take_until("rangle", Kind::kTuple, "<>");
  if (token.is("\\{")) return take_set();
  if (token.is("{")) return take_group();
  if (token.is("|")) return take_absolute();
  if (token.is("lfloor")) return take_rounded("floor", "rfloor");
  if (token.is("lceil")) return take_rounded("ceil", "rceil");
  if (token.is("begin")) return take_environment();
  if (token.is("sum") || token.is("prod")) return take_series(token.is("sum"));
  return fail();
}

Node Parser::take_fraction() {
  Node top = take_argument();
  Node bottom = take_argument();
  if (failed_) return {};
  return quotient(std::move(top), std::move(bottom));
}

Node Parser::take_binomial() {
  if (peek().is("(")) {
    ++at_;
    Node pair = take_list();
    expect(")");
    if (failed_ || !pair.is(Kind::kList) || pair.args.size() != 2) return fail();
    return {Kind::kCall, "binom", std::move(pair.args)};
  }
  Node top = take_argument();
  Node bottom = take_argument();
  return {Kind::kCall, "binom", {std::move(top), std::move(bottom)}};
}

Node Parser::take_root() {
  Node index = number(2);
  if (take("[")) {
    index = take_sum();
    expect("]");
  }
  Node radicand = take_primary();
  if (failed_) return {};
  Node inverse = quotient(number(1), std::move(index));
  return {Kind::kPower, "", {std::move(radicand), std::move(inverse)}};
}

Node Parser::take_logarithm() {
  Node base = number(10);
  if (take("_")) base = take_primary();
  if (failed_) return {};
  Node power = number(1);
  if (take("^")) power = take_exponent();
  Node argument = take_function_argument(false);
  if (failed_) return {};
  Node value{Kind::kCall, "log", {std::move(base), std::move(argument)}};
  return power == number(1) ? value : Node{Kind::kPower, "", {std::move(value), std::move(power)}};
}

Node Parser::take_function() {
  const std::string name = tokens_[at_++].text;
  const bool trigonometric = name.size() >= 3 && name != "exp" && name != "abs" && name != "gcd" &&
                             name != "lcm" && name != "min" && name != "max";
  Node power = number(1);
  if (take("^")) power = take_exponent();
  if (failed_) return {};
  Node node{Kind::kCall, name, {}};
  const bool of_several = name == "gcd" || name == "lcm" || name == "min" || name == "max";
  if (of_several) {
    const bool braces = peek().is("\\{");
    if (!take("(") && !take("\\{")) return fail();
    Node list = take_list();
    expect(braces ? "\\}" : ")");
    if (failed_) return {};
    if (list.is(Kind::kList))
      node.args = std::move(list.args);
    else
      node.args.push_back(std::move(list));
    return node;
  }
  node.args.push_back(take_function_argument(trigonometric));
  if (failed_) return {};
  if (power == number(1)) return node;
  if (power == number(-1) && (name == "sin" || name == "cos" || name == "tan")) {
    node.text = "arc" + name;
    return node;
  }
  return {Kind::kPower, "", {std::move(node), std::move(power)}};
}

// One bracket, or factors up to an operator or the next function: \sin b\cos a, \ln 2x.
Node Parser::take_function_argument(bool trigonometric) {
  const Level level(this);
  if (peek().is("(") || peek().is("{") || peek().is("[")) {
    // A bracket's power belongs to the argument only in braces: \sin(x)^2 is (\sin x)^2.
    Node argument = peek().is("{") ? take_power() : take_primary();
    return argument;
  }
  if (take("-")) return failed_ ? Node{} : negative(take_function_argument(trigonometric));
  Node argument = take_power();
  while (!failed_ && begins_factor() && !is_function(peek()) && !peek().is("log") &&
         !peek().is("(") && peek().type != Type::kNumber && !peek().is("|"))
    argument = product(std::move(argument), take_power());
  // \cos 2\pi/7
  if (trigonometric && peek().is("/") && peek(1).type == Type::kNumber && !failed_ &&
      contains(argument, Kind::kConstant)) {
    ++at_;
    argument = quotient(std::move(argument), take_power());
  }
  return argument;
}

}  // namespace amalgam::rewards
