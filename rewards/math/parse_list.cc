#include <algorithm>
#include <array>
#include <utility>

#include "rewards/math/parsing.h"
#include "rewards/math/unit_reader.h"
#include "rewards/math/words.h"

namespace amalgam::rewards {
namespace {

char relation_of(const Token& token) {
  if (token.type != Token::Type::kName) return '\0';
  constexpr std::pair<std::string_view, char> kRelations[] = {
      {"=", '='},  {"!=", '!'}, {"<", '<'},  {">", '>'},
      {"<=", 'l'}, {">=", 'g'}, {"in", '@'}, {"approx", '~'}};
  for (const auto& [name, relation] : kRelations)
    if (token.text == name) return relation;
  return '\0';
}

}  // namespace

// Items with commas, semicolons, "and" or "or" between them.
Node Parser::take_list() {
  const Level level(this);
  Node list{Kind::kList, ",", {}};
  bool and_between = false, of_logic = false;
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
      of_logic = of_logic || next.is("land") || next.is("lor");
      if (next.is("or") || next.is("lor")) {
        list.text = "or";
      } else if (next.is("and") || next.is("land") || next.is("&")) {
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
  // p ∧ q is no list of p and q; x < 1 ∨ x > 3 and 1 ∨ 3 are.
  if (of_logic && std::any_of(list.args.begin(), list.args.end(), [](const Node& item) {
        return is_expression(item) && has_variables(item);
      }))
    return fail();
  return list;
}

bool Parser::is_closing(const Token& token) {
  return token.is(")") || token.is("]") || token.is("}") || token.is("\\}") || token.is("end") ||
         token.is("rangle") || token.is(".");
}

bool Parser::is_proper_fraction(const Node& node) {
  if (!node.is(Kind::kProduct) || node.args.size() != 2 || !node.args[1].is(Kind::kPower))
    return false;
  const auto top = small_integer(node.args[0]), bottom = small_integer(node.args[1].args[0]);
  return top && bottom && *top > 0 && *top < *bottom && node.args[1].args[1] == number(-1);
}

// Formulas with relations between them; a ratio; a quantity with a unit.
Node Parser::take_item() {
  const Level level(this);
  take("approx");
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

Node Parser::take_side() {
  Node side = take_sets();
  if (peek().is(":") || (peek().is("to") && !peek(1).is("infinity"))) {
    Node ratio{Kind::kRatio};
    ratio.args.push_back(std::move(side));
    while (!failed_ && (take(":") || take("to"))) ratio.args.push_back(take_sets());
    return ratio;
  }
  return side;
}

Node Parser::take_sets() {
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
Node Parser::as_set(Node node) {
  if (node.is(Kind::kSymbol, "R")) return {Kind::kNamedSet, "R", {}};
  if (!is_expression(node) || has_variables(node)) return node;
  return {Kind::kSet, "", {std::move(node)}};
}

// The U of "(2,12) U (12,102)".
bool Parser::is_letter_between_brackets() const {
  const Token& next = peek(1);
  const bool opens = next.is("(") || next.is("[") || next.is("\\{");
  if (peek().type != Type::kLetter || peek().text != "U" || at_ == 0 || !opens) return false;
  const Token& last = tokens_[at_ - 1];
  return last.is(")") || last.is("]") || last.is("\\}");
}

// A sum, with its unit.
Node Parser::take_formula() {
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
  if (take("bmod")) {
    Node modulus = take_sum();
    if (failed_ || !is_expression(value) || !is_expression(modulus)) return fail();
    value = Node{Kind::kCall, "mod", {std::move(value), std::move(modulus)}};
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

}  // namespace amalgam::rewards
