#include "rewards/math/real_set.h"

#include <algorithm>
#include <functional>

#include "rewards/math/equality.h"
#include "rewards/math/spelling.h"

namespace amalgam::rewards {
namespace {

constexpr size_t kMaxCuts = 80;

Node infinity(int sign) {
  Node inf{Kind::kConstant, "inf", {}};
  return sign > 0 ? inf : negative(std::move(inf));
}

std::optional<int> order_of_cuts(const RealSet::Cut& a, const RealSet::Cut& b) {
  const auto order = order_of(a.value, b.value);
  if (!order || *order != 0) return order;
  return static_cast<int>(a.after) - static_cast<int>(b.after);
}

std::optional<RealSet> interval(const Node& low, bool with_low, const Node& high, bool with_high) {
  const auto order = order_of(low, high);
  if (!order || *order > 0) return std::nullopt;
  if (*order == 0 && !(with_low && with_high)) return std::nullopt;
  RealSet set;
  set.cuts.push_back({low, !with_low && infinity_sign(low) == 0});
  set.cuts.push_back({high, with_high && infinity_sign(high) == 0});
  return set;
}

using Rule = bool (*)(bool, bool);
bool in_either(bool a, bool b) { return a || b; }
bool in_both(bool a, bool b) { return a && b; }
bool in_first_only(bool a, bool b) { return a && !b; }

std::optional<RealSet> combined(const std::optional<RealSet>& a, const std::optional<RealSet>& b,
                                Rule rule) {
  if (!a || !b || a->cuts.size() + b->cuts.size() > kMaxCuts) return std::nullopt;
  if (!a->variable.empty() && !b->variable.empty() && a->variable != b->variable)
    return std::nullopt;
  RealSet set;
  set.variable = a->variable.empty() ? b->variable : a->variable;
  size_t i = 0, j = 0;
  bool inside = false;
  while (i < a->cuts.size() || j < b->cuts.size()) {
    int order = 0;
    if (i == a->cuts.size()) {
      order = 1;
    } else if (j == b->cuts.size()) {
      order = -1;
    } else {
      const auto compared = order_of_cuts(a->cuts[i], b->cuts[j]);
      if (!compared) return std::nullopt;
      order = *compared;
    }
    const RealSet::Cut& cut = order <= 0 ? a->cuts[i] : b->cuts[j];
    i += order <= 0;
    j += order >= 0;
    const bool now = rule(i % 2 == 1, j % 2 == 1);
    if (now != inside) set.cuts.push_back(cut);
    inside = now;
  }
  return set;
}

RealSet all_real_numbers() { return {{{infinity(-1), false}, {infinity(1), false}}, ""}; }

std::optional<RealSet> points(const Node& set) {
  std::optional<RealSet> all = RealSet{};
  for (const Node& element : set.args) {
    if (infinity_sign(element) != 0) return std::nullopt;
    all = combined(all, interval(element, true, element, true), in_either);
  }
  return all;
}

bool is_upward(char relation) { return relation == '<' || relation == 'l'; }
bool is_downward(char relation) { return relation == '>' || relation == 'g'; }

// |x| < 2, |x - 1| ≥ 3.
std::optional<RealSet> solutions_of_absolute(const Node& relation, size_t at) {
  const Node& inner = relation.args[at].args[0];
  const Node& bound = relation.args[1 - at];
  Node variable = inner, middle = number(0);
  if (inner.is(Kind::kSum) && inner.args.size() == 2) {
    variable = inner.args[0];
    middle = negative(inner.args[1]);
  }
  if (!variable.is(Kind::kSymbol) || infinity_sign(bound) != 0) return std::nullopt;
  const char sign = relation.text[0];
  const bool inside = at == 0 ? is_upward(sign) : is_downward(sign);
  if (!inside && !is_upward(sign) && !is_downward(sign)) return std::nullopt;
  const bool with_ends = (sign == 'l' || sign == 'g') == inside;
  auto set = interval(sum(middle, negative(bound)), with_ends, sum(middle, bound), with_ends);
  if (!inside) set = combined(all_real_numbers(), set, in_first_only);
  if (set) set->variable = variable.text;
  return set;
}

// x < 3; 1 ≤ x < 2; x ≠ 0; x ∈ S; x = 3.
std::optional<RealSet> solutions(const Node& relation) {
  const std::vector<Node>& sides = relation.args;
  const std::string& signs = relation.text;
  if (sides.size() == 2)
    for (const size_t i : {0, 1})
      if (sides[i].is(Kind::kCall, "abs")) return solutions_of_absolute(relation, i);
  size_t at = sides.size();
  for (size_t i = 0; i < sides.size(); ++i) {
    if (!sides[i].is(Kind::kSymbol)) continue;
    if (at != sides.size()) return std::nullopt;
    at = i;
  }
  if (at == sides.size() || sides.size() > 3) return std::nullopt;
  std::optional<RealSet> set = all_real_numbers();
  if (signs == "@" && at == 0) {
    set = real_set_of(sides[1].is(Kind::kSymbol, "R") ? Node{Kind::kNamedSet, "R", {}} : sides[1]);
  } else if (signs == "!" || signs == "=") {
    const Node& value = sides[1 - at];
    const auto point = interval(value, true, value, true);
    set = signs == "=" ? point : combined(set, point, in_first_only);
  } else {
    if (sides.size() == 3 && at != 1) return std::nullopt;
    if (sides.size() == 3 && !(is_upward(signs[0]) && is_upward(signs[1])) &&
        !(is_downward(signs[0]) && is_downward(signs[1])))
      return std::nullopt;
    for (size_t i = 0; i < signs.size(); ++i) {
      const char sign = signs[i];
      if (!is_upward(sign) && !is_downward(sign)) return std::nullopt;
      const bool variable_left = at == i;
      const Node& bound = sides[variable_left ? i + 1 : i];
      const bool with = sign == 'l' || sign == 'g';
      const bool above = is_upward(sign) != variable_left;
      const auto half = above ? interval(bound, with, infinity(1), false)
                              : interval(infinity(-1), false, bound, with);
      set = combined(set, half, in_both);
      if (set && set->cuts.empty()) return std::nullopt;
    }
  }
  if (!set || !set->variable.empty()) return std::nullopt;
  set->variable = sides[at].text;
  return set;
}

std::optional<RealSet> listed(const Node& list) {
  std::optional<RealSet> either = RealSet{}, both = all_real_numbers();
  for (const Node& item : list.args) {
    if (!item.is(Kind::kRelation)) return std::nullopt;
    const auto set = solutions(item);
    either = combined(either, set, in_either);
    both = combined(both, set, in_both);
    if (!set || !either || !both) return std::nullopt;
  }
  // "x < -2 and x > 2" means the union, as its intersection is empty.
  return list.text == "or" || both->cuts.empty() ? either : both;
}

}  // namespace

std::optional<RealSet> real_set_of(const Node& node) {
  switch (node.kind) {
    case Kind::kNamedSet:
      if (node.text == "R") return all_real_numbers();
      if (node.text == "R^+" || node.text == "R_+")
        return interval(number(0), false, infinity(1), false);
      if (node.text == "R^-" || node.text == "R_-")
        return interval(infinity(-1), false, number(0), false);
      return std::nullopt;
    case Kind::kTuple:
      if (node.args.size() != 2 || node.text == "<>") return std::nullopt;
      return interval(node.args[0], node.text[0] == '[', node.args[1], node.text[1] == ']');
    case Kind::kSet:
      return node.args.size() > kMaxCuts / 2 ? std::nullopt : points(node);
    case Kind::kSetUnion:
      return combined(real_set_of(node.args[0]), real_set_of(node.args[1]), in_either);
    case Kind::kSetIntersection:
      return combined(real_set_of(node.args[0]), real_set_of(node.args[1]), in_both);
    case Kind::kSetDifference:
      return combined(real_set_of(node.args[0]), real_set_of(node.args[1]), in_first_only);
    case Kind::kRelation:
      return solutions(node);
    case Kind::kList:
      return node.args.size() > kMaxCuts / 2 ? std::nullopt : listed(node);
    default:
      return std::nullopt;
  }
}

bool is_surely_real_set(const Node& node) {
  switch (node.kind) {
    case Kind::kNamedSet:
      return node.text.starts_with("R");
    case Kind::kTuple:
      return node.args.size() == 2 &&
             (node.text == "(]" || node.text == "[)" || infinity_sign(node.args[0]) != 0 ||
              infinity_sign(node.args[1]) != 0);
    case Kind::kSetUnion:
    case Kind::kSetIntersection:
    case Kind::kSetDifference:
      return true;
    case Kind::kRelation:
      return node.text != "=" && node.text.find('~') == std::string::npos;
    case Kind::kList:
      return std::all_of(node.args.begin(), node.args.end(),
                         [](const Node& n) { return n.is(Kind::kRelation); }) &&
             std::any_of(node.args.begin(), node.args.end(), is_surely_real_set);
    default:
      return false;
  }
}

bool same_set(const RealSet& a, const RealSet& b) {
  if (a.cuts.size() != b.cuts.size()) return false;
  if (!a.variable.empty() && !b.variable.empty() && a.variable != b.variable) return false;
  for (size_t i = 0; i < a.cuts.size(); ++i)
    if (order_of_cuts(a.cuts[i], b.cuts[i]) != 0) return false;
  return true;
}

std::string spelled(const RealSet& set) {
  if (set.cuts.empty()) return "{}";
  std::string text;
  for (size_t i = 0; i + 1 < set.cuts.size(); i += 2) {
    const RealSet::Cut &low = set.cuts[i], &high = set.cuts[i + 1];
    if (i > 0) text += " U ";
    const bool with_low = !low.after && infinity_sign(low.value) == 0;
    text += with_low ? "[" : "(";
    text += spelled(low.value) + ", " + spelled(high.value);
    text += high.after ? "]" : ")";
  }
  return text;
}

}  // namespace amalgam::rewards
