#include "rewards/math/same_node.h"

#include <algorithm>
#include <utility>

#include "rewards/math/equality.h"
#include "rewards/math/exact.h"
#include "rewards/math/matrix.h"
#include "rewards/math/real_set.h"
#include "rewards/math/sketch.h"

namespace amalgam::rewards {
namespace {

constexpr size_t kMaxItems = 200;

bool same_plain(const Node& truth, const Node& answer);

// A name, of which an equation says the value: x, x_1, f(3), AB, "area", a + b, (x, y).
bool is_name(const Node& node) {
  switch (node.kind) {
    case Kind::kSymbol:
    case Kind::kText:
    case Kind::kConstant:  // E and e for energy, I for a current
      return true;
    case Kind::kCall:
      return node.text[0] == '@' || node.text == "abs" || node.text == "det" || has_variables(node);
    case Kind::kSum:
    case Kind::kProduct:
    case Kind::kTuple:
    case Kind::kRatio:
    case Kind::kSetUnion:
    case Kind::kSetIntersection:  // P(A ∩ B)
      return std::all_of(node.args.begin(), node.args.end(), is_name);
    case Kind::kPower:  // of a quotient
      return node.args[1] == number(-1) && is_name(node.args[0]);
    default:
      return false;
  }
}

// "x = 3", "1 + 2 = 3", "P(A) = 1/2"; not "2x = 6".
bool has_value(const Node& node) {
  if (!node.is(Kind::kRelation)) return false;
  if (node.text.find_first_not_of("=~") != std::string::npos) return false;
  const Node& left = node.args.front();
  return is_name(left) || !has_variables(left);
}

// 1 ± √2, not a list, a set or a tuple of such.
bool has_two_values(const Node& node) {
  const bool of_parts = node.is(Kind::kList) || node.is(Kind::kSet) || node.is(Kind::kTuple) ||
                        node.is(Kind::kRelation) || node.is(Kind::kMatrix);
  return !of_parts && contains(node, Kind::kPlusMinus);
}

// The items of lists and sets with every ± written out.
std::vector<Node> items_of(const Node& node) {
  std::vector<Node> items;
  const bool list = node.is(Kind::kList) || node.is(Kind::kSet);
  for (const Node& item : list ? node.args : std::vector<Node>{node})
    for (Node& chosen : signs_chosen(item)) {
      if (items.size() > kMaxItems) return items;
      items.push_back(std::move(chosen));
    }
  return items;
}

bool same_in_order(const std::vector<Node>& truth, const std::vector<Node>& answer) {
  return std::equal(truth.begin(), truth.end(), answer.begin(), answer.end(), same_plain);
}

// Compares items of two lists, each possibly with each other; what its sketches do not tell apart
// costs, and is unequal once that many are made.
class Matching {
 public:
  Matching(const std::vector<Node>& truth, const std::vector<Node>& answer)
      : truth_(truth), answer_(answer) {
    constexpr size_t kFewItems = 8;
    if (truth.size() <= kFewItems && answer.size() <= kFewItems) return;
    for (const Node& node : truth) truth_sketches_.push_back(sketch_of(node));
    for (const Node& node : answer) answer_sketches_.push_back(sketch_of(node));
  }
  bool same(size_t wanted, size_t given) const {
    if (!truth_sketches_.empty() && surely_differ(truth_sketches_[wanted], answer_sketches_[given]))
      return false;
    return --comparisons_ >= 0 && same_plain(truth_[wanted], answer_[given]);
  }

 private:
  const std::vector<Node>&truth_, &answer_;
  std::vector<std::optional<std::complex<double>>> truth_sketches_, answer_sketches_;
  mutable long comparisons_ = 1500;
};

bool same_in_any_order(const std::vector<Node>& truth, const std::vector<Node>& answer) {
  if (truth.size() != answer.size() || truth.size() > kMaxItems) return false;
  if (same_in_order(truth, answer)) return true;
  const Matching matching(truth, answer);
  std::vector<bool> used(answer.size(), false);
  for (size_t wanted = 0; wanted < truth.size(); ++wanted) {
    bool found = false;
    for (size_t i = 0; i < answer.size() && !found; ++i) {
      if (used[i] || !matching.same(wanted, i)) continue;
      used[i] = found = true;
    }
    if (!found) return false;
  }
  return true;
}

void remove_repeated(std::vector<Node>* items) {
  const Matching matching(*items, *items);
  std::vector<size_t> kept;
  for (size_t i = 0; i < items->size(); ++i)
    if (std::none_of(kept.begin(), kept.end(),
                     [&](size_t other) { return matching.same(other, i); }))
      kept.push_back(i);
  std::vector<Node> once;
  for (const size_t i : kept) once.push_back(std::move((*items)[i]));
  *items = std::move(once);
}

// "p=3, q=2": the names and their values.
bool are_assignments(const Node& list) {
  return list.is(Kind::kList) &&
         std::all_of(list.args.begin(), list.args.end(), [](const Node& item) {
           return item.is(Kind::kRelation, "=") && item.args[0].is(Kind::kSymbol);
         });
}

// "(p,q)=(3,2)" as a list of assignments.
Node assignments_of(const Node& node) {
  if (!node.is(Kind::kRelation, "=") || !node.args[0].is(Kind::kTuple) ||
      !node.args[1].is(Kind::kTuple) || node.args[0].args.size() != node.args[1].args.size())
    return node;
  Node list{Kind::kList, ",", {}};
  for (size_t i = 0; i < node.args[0].args.size(); ++i)
    list.args.push_back({Kind::kRelation, "=", {node.args[0].args[i], node.args[1].args[i]}});
  return list;
}

bool same_values_in_order(const Node& tuple, const Node& assignments) {
  if (tuple.args.size() != assignments.args.size()) return false;
  for (size_t i = 0; i < tuple.args.size(); ++i)
    if (!same_plain(tuple.args[i], assignments.args[i].args[1])) return false;
  return true;
}

bool same_lists(const Node& truth, const Node& answer) {
  const Node given = assignments_of(answer), wanted = assignments_of(truth);
  if (are_assignments(given) && wanted.is(Kind::kTuple)) return same_values_in_order(wanted, given);
  if (are_assignments(wanted) && given.is(Kind::kTuple)) return same_values_in_order(given, wanted);
  if (are_assignments(wanted) && are_assignments(given) && wanted.args.size() > 1 &&
      !(wanted.args[0].args[0] == wanted.args[1].args[0]))
    return same_in_any_order(wanted.args, given.args);
  std::vector<Node> wanted_items = items_of(wanted), given_items = items_of(given);
  if (wanted.is(Kind::kSet) || given.is(Kind::kSet)) {
    if (wanted_items.size() > kMaxItems || given_items.size() > kMaxItems) return false;
    if (given_items.size() > 4 * wanted_items.size() + 8) return false;
    remove_repeated(&wanted_items);
    remove_repeated(&given_items);
  }
  return same_in_any_order(wanted_items, given_items);
}

// The opposite direction of a relation.
char reversed(char relation) {
  switch (relation) {
    case '<':
      return '>';
    case '>':
      return '<';
    case 'l':
      return 'g';
    case 'g':
      return 'l';
    default:
      return relation;
  }
}

Node difference(const Node& a, const Node& b) { return sum(a, negative(b)); }

bool same_relations(const Node& truth, const Node& answer) {
  if (truth.args.size() == 2 && answer.args.size() == 2) {
    const char wanted = truth.text[0], said = answer.text[0];
    if (wanted == said && same_plain(truth.args[0], answer.args[0]) &&
        same_plain(truth.args[1], answer.args[1]))
      return true;
    if (wanted == '@' || said == '@') return false;
    Node left = difference(truth.args[0], truth.args[1]);
    if (wanted == said) {
      const bool any = wanted == '=' || wanted == '!';
      if (proportional(left, difference(answer.args[0], answer.args[1]),
                       any ? Factor::kAny : Factor::kPositive))
        return true;
    }
    return reversed(said) == wanted && wanted != '=' && wanted != '!' &&
           proportional(left, difference(answer.args[1], answer.args[0]), Factor::kPositive);
  }
  if (truth.args.size() != answer.args.size()) return false;
  if (truth.text == answer.text && same_in_order(truth.args, answer.args)) return true;
  std::string signs(answer.text.rbegin(), answer.text.rend());
  std::transform(signs.begin(), signs.end(), signs.begin(), reversed);
  return truth.text == signs &&
         same_in_order(truth.args, {answer.args.rbegin(), answer.args.rend()});
}

bool same_ratio(const Node& truth, const Node& answer) {
  if (truth.args.size() != answer.args.size()) return false;
  for (size_t i = 1; i < truth.args.size(); ++i)
    if (!same_value(product(truth.args[0], answer.args[i]), product(answer.args[0], truth.args[i])))
      return false;
  return true;
}

bool same_quantity(const Node& truth, const Node& answer) {
  const bool unit_wanted = truth.is(Kind::kQuantity), unit_given = answer.is(Kind::kQuantity);
  if (unit_wanted && unit_given)
    return truth.text == answer.text && same_plain(truth.args[0], answer.args[0]);
  const Node& quantity = unit_wanted ? truth : answer;
  const Node& other = unit_wanted ? answer : truth;
  if (!is_expression(other) && !other.is(Kind::kRatio)) return same_plain(quantity.args[0], other);
  if (other.is(Kind::kDegree) || other.is(Kind::kPercent)) {
    // 90° of an angle and of a temperature; not 5 cm and 5 %.
    const bool temperature = quantity.text == "celsius" || quantity.text == "fahrenheit";
    return other.is(Kind::kDegree) && temperature && same_plain(quantity.args[0], other.args[0]);
  }
  // "3 m" may be the product.
  if (has_variables(other) && quantity.text.size() == 1)
    return same_plain(product(quantity.args[0], {Kind::kSymbol, quantity.text, {}}), other);
  return same_plain(quantity.args[0], other);
}

bool same_percent(const Node& truth, const Node& answer) {
  if (same_value(truth, answer)) return true;
  if (truth.is(Kind::kPercent))
    return !answer.is(Kind::kPercent) && same_value(truth.args[0], answer);
  // "How many per cent?" 18, and 18 % of it; but 0.18 is not 0.18 %.
  const auto wanted = exact_value(truth);
  if (!wanted || fmpz_cmpabs(fmpq_numref(wanted->get()), fmpq_denref(wanted->get())) < 0)
    return false;
  return same_value(truth, answer.args[0]);
}

// A list of one, a ±: the trees as they are compared below lists.
bool same_plain(const Node& truth, const Node& answer) {
  const auto either = [&](Kind kind) { return truth.is(kind) || answer.is(kind); };
  if (has_two_values(truth) || has_two_values(answer)) {
    if (truth == answer) return true;
    const Node& given = answer.is(Kind::kRelation) ? answered(answer) : answer;
    const Node& wanted = truth.is(Kind::kRelation) ? answered(truth) : truth;
    return same_lists(wanted, given);
  }
  if (truth.is(Kind::kRelation) && answer.is(Kind::kRelation)) {
    if (same_relations(truth, answer)) return true;
    if (is_surely_real_set(truth) || is_surely_real_set(answer)) {
      const auto a = real_set_of(truth), b = real_set_of(answer);
      return a && b && same_set(*a, *b);
    }
    if (has_value(answer) && answer.args.size() > 2 && answer.text.find('~') == std::string::npos) {
      // x = 1 + 2 = 3 as x = 3
      Node shorter{Kind::kRelation, "=", {answer.args.front(), answer.args.back()}};
      return truth.args.size() == 2 && same_relations(truth, shorter);
    }
    return false;
  }
  if (is_surely_real_set(truth) || is_surely_real_set(answer)) {
    const auto a = real_set_of(truth);
    const auto b = a ? real_set_of(answer) : std::nullopt;
    if (a && b) return same_set(*a, *b);
    if (truth.is(Kind::kTuple) && answer.is(Kind::kTuple))
      return truth.text == answer.text && same_in_order(truth.args, answer.args);
    if (truth.is(Kind::kNamedSet) && answer.is(Kind::kNamedSet)) return truth == answer;
    if (truth.kind == answer.kind && truth.args.size() == 2 && !truth.is(Kind::kList))
      return same_in_order(truth.args, answer.args);
    // A relation that cannot be solved, in a list of them.
    if (!truth.is(Kind::kList) || !answer.is(Kind::kList)) {
      if (answer.is(Kind::kRelation) && has_value(answer))
        return same_plain(truth, answered(answer));
      return false;
    }
  }
  if (truth.is(Kind::kRelation) && has_value(truth) && !answer.is(Kind::kList))
    return same_plain(answered(truth), answer);
  if (answer.is(Kind::kRelation) && has_value(answer) && !truth.is(Kind::kList))
    return same_plain(truth, answered(answer));
  if (is_vector(truth) || is_vector(answer)) return same_matrices(truth, answer, same_plain);
  if (either(Kind::kList) || either(Kind::kSet)) {
    // {1} ∪ [2,3] is above; a set is no tuple.
    return same_lists(truth, answer);
  }
  if (either(Kind::kTuple))
    return truth.kind == answer.kind && (truth.text == answer.text) &&
           same_in_order(truth.args, answer.args);
  if (either(Kind::kRelation)) return false;
  if (either(Kind::kRatio)) {
    const auto as_ratio = [](const Node& node) {
      if (node.is(Kind::kRatio)) return node;
      if (node.is(Kind::kQuantity) && node.args[0].is(Kind::kRatio)) return node.args[0];
      return Node{Kind::kRatio, "", {node, number(1)}};
    };
    return same_ratio(as_ratio(truth), as_ratio(answer));
  }
  if (either(Kind::kQuantity)) return same_quantity(truth, answer);
  if (either(Kind::kBased)) return truth == answer;
  if (either(Kind::kNamedSet)) return truth == answer;
  if (either(Kind::kPercent)) return same_percent(truth, answer);
  if (truth.is(Kind::kText) || answer.is(Kind::kText)) return truth == answer;
  // Names and words: AB and ACB, HHT and HTH, though all are products as well.
  if (truth.is(Kind::kProduct) && answer.is(Kind::kProduct) && !truth.text.empty() &&
      !answer.text.empty())
    return truth.text == answer.text;
  return same_value(truth, answer);
}

}  // namespace

const Node& answered(const Node& node) {
  if (!has_value(node)) return node;
  // √2 ≈ 1.414 says √2; x ≈ 1.414 says 1.414.
  const size_t rounded = node.text.find('~');
  if (rounded != std::string::npos && !(rounded == 0 && is_name(node.args[0])))
    return node.args[rounded];
  return node.args.back();
}

bool is_same(const Node& truth, const Node& answer) { return same_plain(truth, answer); }

}  // namespace amalgam::rewards
