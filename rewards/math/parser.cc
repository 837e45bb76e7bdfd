#include "rewards/math/parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include "rewards/math/unit_reader.h"
#include "rewards/math/words.h"

namespace amalgam::rewards {
namespace {

using Type = Token::Type;
constexpr int kMaxDepth = 600;  // calls; a bracket takes about eight

constexpr std::string_view kFunctions[] = {
    "sin",  "cos", "tan", "cot", "sec", "csc",   "arcsin", "arccos", "arctan", "sinh", "cosh",
    "tanh", "ln",  "lg",  "exp", "abs", "floor", "ceil",   "gcd",    "lcm",    "min",  "max"};

bool is_function(const Token& token) {
  return token.type == Type::kName && std::find(std::begin(kFunctions), std::end(kFunctions),
                                                token.text) != std::end(kFunctions);
}

char relation_of(const Token& token) {
  if (token.type != Type::kName) return '\0';
  constexpr std::pair<std::string_view, char> kRelations[] = {
      {"=", '='},  {"!=", '!'}, {"<", '<'},  {">", '>'},
      {"<=", 'l'}, {">=", 'g'}, {"in", '@'}, {"approx", '~'}};
  for (const auto& [name, relation] : kRelations)
    if (token.text == name) return relation;
  return '\0';
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  std::optional<Node> run() {
    Node node = take_list();
    while (peek().is(".") || peek().is(",") || peek().is(";")) ++at_;
    if (failed_ || peek().type != Type::kEnd) return std::nullopt;
    return node;
  }

 private:
  // One more level of the tree; a text that goes too deep fails.
  struct Level {
    explicit Level(Parser* p) : parser(p) {
      if (++parser->depth_ > kMaxDepth) parser->fail();
    }
    ~Level() { --parser->depth_; }
    Parser* parser;
  };

  const Token& peek(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  bool take(std::string_view name) {
    if (!peek().is(name)) return false;
    ++at_;
    return true;
  }
  Node fail() {
    failed_ = true;
    at_ = tokens_.size() - 1;
    return {};
  }
  void expect(std::string_view name) {
    if (!take(name)) fail();
  }

  // Items with commas, semicolons, "and" or "or" between them.
  Node take_list() {
    const Level level(this);
    Node list{Kind::kList, ",", {}};
    bool and_between = false;
    for (;;) {
      const bool fraction_may_follow = and_between && list.args.size() == 1;
      Node item = take_item();
      if (failed_) return {};
      if (fraction_may_follow && small_integer(list.args[0]) && is_proper_fraction(item)) {
        list.args[0] = sum(std::move(list.args[0]), std::move(item));  // "2 and 2/3"
      } else {
        list.args.push_back(std::move(item));
      }
      bool separated = false;
      and_between = false;
      for (;;) {
        const Token& next = peek();
        if (next.is("or")) {
          list.text = "or";
        } else if (next.is("and") || next.is("&")) {
          and_between = !separated;
          if (list.text == ",") list.text = "and";
        } else if (!next.is(",") && !next.is(";") && !next.is("\\\\")) {
          break;
        }
        separated = true;
        ++at_;
      }
      const Token& next = peek();
      if (!separated || next.type == Type::kEnd || is_closing(next)) break;
    }
    if (list.args.size() == 1) return std::move(list.args[0]);
    return list;
  }

  static bool is_closing(const Token& token) {
    return token.is(")") || token.is("]") || token.is("}") || token.is("\\}") || token.is("end") ||
           token.is("rangle") || token.is(".");
  }

  static bool is_proper_fraction(const Node& node) {
    if (!node.is(Kind::kProduct) || node.args.size() != 2 || !node.args[1].is(Kind::kPower))
      return false;
    const auto top = small_integer(node.args[0]), bottom = small_integer(node.args[1].args[0]);
    return top && bottom && *top > 0 && *top < *bottom && node.args[1].args[1] == number(-1);
  }

  // Formulas with relations between them; a ratio; a quantity with a unit.
  Node take_item() {
    const Level level(this);
    Node first = take_side();
    Node chain{Kind::kRelation};
    while (!failed_) {
      const char relation = relation_of(peek());
      if (!relation) break;
      ++at_;
      if (chain.args.empty()) chain.args.push_back(std::move(first));
      if (relation_of(peek())) return fail();
      chain.text += relation;
      chain.args.push_back(take_side());
    }
    if (failed_) return {};
    return chain.args.empty() ? std::move(first) : chain;
  }

  Node take_side() {
    Node side = take_sets();
    if (peek().is(":") || (peek().is("to") && !peek(1).is("infinity"))) {
      Node ratio{Kind::kRatio};
      ratio.args.push_back(std::move(side));
      while (!failed_ && (take(":") || take("to"))) ratio.args.push_back(take_sets());
      return ratio;
    }
    return side;
  }

  Node take_sets() {
    Node left = take_formula();
    constexpr int kMaxSets = 40;
    for (int sets = 1; !failed_; ++sets) {
      if (sets > kMaxSets) return fail();
      Kind kind;
      if (peek().is("cup") || is_letter_between_brackets()) {
        kind = Kind::kSetUnion;
      } else if (peek().is("cap")) {
        kind = Kind::kSetIntersection;
      } else if (peek().is("setminus") || (peek().is("-") && left.is(Kind::kNamedSet))) {
        kind = Kind::kSetDifference;
      } else {
        break;
      }
      ++at_;
      Node node{kind};
      node.args.push_back(as_set(std::move(left)));
      node.args.push_back(as_set(take_formula()));
      left = std::move(node);
    }
    return left;
  }

  // In "R \ {0}" with plain letters and braces.
  static Node as_set(Node node) {
    if (node.is(Kind::kSymbol, "R")) return {Kind::kNamedSet, "R", {}};
    if (!is_expression(node) || has_variables(node)) return node;
    return {Kind::kSet, "", {std::move(node)}};
  }

  // The U of "(2,12) U (12,102)".
  bool is_letter_between_brackets() const {
    const Token& next = peek(1);
    const bool opens = next.is("(") || next.is("[") || next.is("\\{");
    if (peek().type != Type::kLetter || peek().text != "U" || at_ == 0 || !opens) return false;
    const Token& last = tokens_[at_ - 1];
    return last.is(")") || last.is("]") || last.is("\\}");
  }

  // A sum, with its unit.
  Node take_formula() {
    const Level level(this);
    // A currency before its number.
    std::string currency;
    size_t ahead = peek().is("-") || peek().is("+") ? 1 : 0;
    if (peek(ahead).type == Type::kUnit) {
      currency = unit_name(peek(ahead).text);
      tokens_.erase(tokens_.begin() + static_cast<long>(at_ + ahead));
      if (peek(ahead).type == Type::kEnd || peek(ahead).is(")")) return fail();
      while (peek(ahead).is(".")) tokens_.erase(tokens_.begin() + static_cast<long>(at_ + ahead));
    }
    Node value = take_sum();
    if (failed_) return {};
    if (peek().is("over") || peek().is("choose")) {
      const bool is_quotient = peek().is("over");
      ++at_;
      Node bottom = take_sum();
      if (failed_) return {};
      value = is_quotient ? quotient(std::move(value), std::move(bottom))
                          : Node{Kind::kCall, "binom", {std::move(value), std::move(bottom)}};
    }
    if (take("mod")) return fail();
    Measure measure = read_unit(tokens_, at_);
    at_ = measure.end;
    // "5 apples", not "odd function".
    if (!measure.unit.empty() && !measure.is_known && has_variables(value)) return fail();
    if (measure.power_of_ten > 0) {
      Node power{Kind::kPower, "", {number(10), number(measure.power_of_ten)}};
      value = product(std::move(value), std::move(power));
    }
    if (measure.is_percent) return Node{Kind::kPercent, "", {std::move(value)}};
    if (measure.is_degree) return Node{Kind::kDegree, "", {std::move(value)}};
    if (measure.unit.empty()) measure.unit = currency;
    if (measure.unit.empty()) return value;
    return Node{Kind::kQuantity, measure.unit, {std::move(value)}};
  }

  Node take_sum() {
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

  Node take_term() {
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
      } else if (begins_factor() && !is_text(result) && !is_letter_between_brackets()) {
        const bool number_after_number =
            peek().type == Type::kNumber && !ends_group(at_ - 1) && !result_ends_with_i();
        if (number_after_number) return fail();  // "10 24"
        if (is_plain_unit() || is_unit_fraction(tokens_, at_)) break;
        Node next = take_power();
        if (is_text(next) || is_collection(next) || is_collection(result)) return fail();
        if (result.is(Kind::kTuple)) return fail();
        if (next.is(Kind::kMatrix) && result.is(Kind::kMatrix)) return fail();
        result = product(std::move(result), std::move(next));
      } else {
        break;
      }
    }
    return result;
  }
  static bool is_text(const Node& node) { return node.is(Kind::kText); }
  static bool is_collection(const Node& node) {
    return node.is(Kind::kSet) || node.is(Kind::kList) || node.is(Kind::kRelation) ||
           node.is(Kind::kNamedSet) || node.is(Kind::kQuantity);
  }
  // "3+i4"; "x2" is no product.
  bool result_ends_with_i() const {
    return tokens_[at_ - 1].type == Type::kLetter && tokens_[at_ - 1].text == "i";
  }
  bool ends_group(size_t at) const {
    const Token& token = tokens_[at];
    return token.is(")") || token.is("}") || token.is("]");
  }

  Node take_signed_power() {
    const Level level(this);
    if (take("-")) return failed_ ? Node{} : negative(take_signed_power());
    if (take("+")) return take_signed_power();
    return take_power();
  }

  // A single letter that is a unit: "5 m", "3 s", with a space before it and nothing behind.
  bool is_plain_unit() const {
    const Token& token = peek();
    if (token.type != Type::kLetter || !token.space_before ||
        tokens_[at_ - 1].type != Type::kNumber)
      return false;
    if (token.text != "Omega" &&
        std::string_view("msghL").find(token.text) == std::string_view::npos)
      return false;
    size_t behind = 1;
    for (;;) {
      if (peek(behind).is("^") && peek(behind + 1).type == Type::kNumber)
        behind += 2;
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
  Node with_fraction(Node whole) {
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

  bool begins_factor() const {
    const Token& token = peek();
    switch (token.type) {
      case Type::kNumber:
      case Type::kLetter:
        return true;
      case Type::kName:
        return is_function(token) || token.is("(") || token.is("{") || token.is("frac") ||
               token.is("sqrt") || token.is("binom") || token.is("log") || token.is("pi") ||
               token.is("infinity") || token.is("begin") || token.is("lfloor") ||
               token.is("lceil") || token.is("[") || token.is("langle") ||
               (token.is("|") && bars_ == 0);
      default:
        return false;
    }
  }

  // A primary with its powers, factorials, per cents and degrees.
  Node take_power() {
    const Level level(this);
    return take_marks(take_primary());
  }

  Node take_marks(Node base) {
    constexpr int kMaxMarks = 8;  // a tree as deep as there are marks
    for (int marks = 0; !failed_; ++marks) {
      if (marks > kMaxMarks) return fail();
      if (peek().is("^") && is_degree_sign(1)) {
        ++at_;
        at_ += peek().is("{") ? 3 : 1;
        if (peek().type == Type::kLetter && (peek().text == "C" || peek().text == "F"))
          return Node{
              Kind::kQuantity, tokens_[at_++].text == "C" ? "celsius" : "fahrenheit", {base}};
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

  bool is_degree_sign(size_t ahead) const {
    if (peek(ahead).is("circ") || peek(ahead).is("degree")) return true;
    // 45^o
    if (peek(ahead).type == Type::kLetter && peek(ahead).text == "o") return true;
    return peek(ahead).is("{") && (peek(ahead + 1).is("circ") || peek(ahead + 1).is("degree")) &&
           peek(ahead + 2).is("}");
  }

  Node take_exponent() {
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
  Node take_argument() {
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

  Node take_fraction() {
    Node top = take_argument();
    Node bottom = take_argument();
    if (failed_) return {};
    return quotient(std::move(top), std::move(bottom));
  }

  Node take_primary() {
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

  Node take_symbol(const Token& token) {
    Node symbol{Kind::kSymbol, token.text, {}};
    if (peek().is("_")) {
      ++at_;
      symbol.text += "_";
      if (take("{")) {
        while (peek().type != Type::kEnd && !peek().is("}")) symbol.text += tokens_[at_++].text;
        expect("}");
      } else {
        symbol.text += tokens_[at_].text;
        if (peek().type == Type::kEnd) return fail();
        ++at_;
      }
    }
    while (take("'")) symbol.text += "'";
    if (symbol.text == "e" || symbol.text == "i") symbol.kind = Kind::kConstant;
    // f(x): a function that nothing is known of.
    constexpr std::string_view kOpaque = "fgFG";
    const bool opaque =
        kOpaque.find(symbol.text[0]) != std::string_view::npos &&
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

  Node take_named() {
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
    return fail();
  }

  Node take_binomial() {
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

  Node take_root() {
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

  Node take_logarithm() {
    Node base = number(10);
    if (take("_")) base = take_primary();
    if (failed_) return {};
    Node power = number(1);
    if (take("^")) power = take_exponent();
    Node argument = take_function_argument(false);
    if (failed_) return {};
    Node value{Kind::kCall, "log", {std::move(base), std::move(argument)}};
    return power == number(1) ? value
                              : Node{Kind::kPower, "", {std::move(value), std::move(power)}};
  }

  Node take_function() {
    const std::string name = tokens_[at_++].text;
    const bool trigonometric = name.size() >= 3 && name != "exp" && name != "abs" &&
                               name != "gcd" && name != "lcm" && name != "min" && name != "max";
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
  Node take_function_argument(bool trigonometric) {
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

  Node take_named_set(const std::string& name) {
    Node set{Kind::kNamedSet, name, {}};
    // \mathbb{R}^+, \mathbb{Z}_{>0}, \mathbb{R}^2
    while (peek().is("^") || peek().is("_")) {
      set.text += tokens_[at_++].text;
      if (take("{")) {
        while (peek().type != Type::kEnd && !peek().is("}")) set.text += tokens_[at_++].text;
        expect("}");
      } else if (peek().type != Type::kEnd) {
        set.text += tokens_[at_++].text;
      }
    }
    return set;
  }

  Node take_brackets(char open) {
    if (peek().is(")") || peek().is("]")) return fail();
    Node inner = take_list();
    const bool round = peek().is(")");
    if (!round && !peek().is("]")) return fail();
    ++at_;
    const std::string brackets = {open, round ? ')' : ']'};
    if (inner.is(Kind::kList, ",")) {
      inner.kind = Kind::kTuple;
      inner.text = brackets;
      return inner;
    }
    const bool bracketed = is_expression(inner) || inner.is(Kind::kMatrix);
    if (brackets == "()" || (brackets == "[]" && bracketed)) return inner;
    return fail();
  }

  Node take_until(std::string_view close, Kind kind, std::string text) {
    Node inner = take_list();
    expect(close);
    if (failed_) return {};
    Node node{kind, std::move(text), {}};
    if (inner.is(Kind::kList))
      node.args = std::move(inner.args);
    else
      node.args.push_back(std::move(inner));
    return node;
  }

  Node take_set() {
    if (take("\\}")) return Node{Kind::kSet};
    // {x : x > 2}: what follows the bar is the set.
    int depth = 0;
    for (size_t i = at_; i < tokens_.size(); ++i) {
      const Token& token = tokens_[i];
      if (token.is("\\{")) ++depth;
      if (token.is("\\}") && --depth < 0) break;
      if (depth == 0 && i > at_ && (token.is("|") || token.is(":")) && bars_ == 0 &&
          tokens_[at_].type == Type::kLetter && (i == at_ + 1 || tokens_[at_ + 1].is("in"))) {
        at_ = i + 1;
        Node condition = take_list();
        expect("\\}");
        return condition;
      }
    }
    return take_until("\\}", Kind::kSet, "");
  }

  Node take_group() {
    if (take("}")) {
      // {}_5: nothing.
      return fail();
    }
    const Token first = peek();
    Node inner = take_list();
    expect("}");
    if (peek().is("_") && first.type == Type::kLetter && inner.args.empty())
      return take_symbol(first);  // {b}_{1}
    if (inner.is(Kind::kList)) inner.kind = Kind::kSet, inner.text.clear();
    return inner;
  }

  Node take_absolute() {
    const Level level(this);
    ++bars_;
    Node inner = take_sum();
    expect("|");
    --bars_;
    return call("abs", std::move(inner));
  }

  Node take_rounded(std::string name, std::string_view close) {
    Node inner = take_sum();
    expect(close);
    return call(std::move(name), std::move(inner));
  }

  // Matrices and arrays; cases and others are none.
  Node take_environment() {
    const std::string name = take_environment_name();
    const bool matrix = name == "pmatrix" || name == "bmatrix" || name == "matrix" ||
                        name == "array" || name == "smallmatrix" || name == "vmatrix" ||
                        name == "Bmatrix" || name == "Vmatrix";
    if (!matrix) return fail();
    if (name == "array" && take("{"))
      while (peek().type != Type::kEnd && !take("}")) ++at_;
    Node node{Kind::kMatrix};
    node.args.push_back({Kind::kTuple, "()", {}});
    while (!failed_ && !peek().is("end")) {
      if (take("\\\\")) {
        if (!peek().is("end")) node.args.push_back({Kind::kTuple, "()", {}});
      } else if (!take("&")) {
        node.args.back().args.push_back(take_side());
        if (!peek().is("&") && !peek().is("\\\\") && !peek().is("end")) return fail();
      }
    }
    expect("end");
    if (take_environment_name() != name || failed_) return fail();
    if (name != "vmatrix") return node;
    return call("det", std::move(node));
  }

  std::string take_environment_name() {
    std::string name;
    expect("{");
    while (peek().type != Type::kEnd && !peek().is("}")) name += tokens_[at_++].text;
    expect("}");
    return name;
  }

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  int bars_ = 0;
  bool failed_ = false;
};

}  // namespace

std::optional<Node> parse_answer(std::string_view ascii, Commas commas) {
  auto tokens = tokens_of(ascii, commas);
  if (!tokens) return std::nullopt;
  return Parser(std::move(*tokens)).run();
}

}  // namespace amalgam::rewards
