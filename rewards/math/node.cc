#include "rewards/math/node.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace amalgam::rewards {
namespace {

Node with_signs(const Node& node, bool upper) {
  if (node.is(Kind::kPlusMinus)) {
    Node inner = with_signs(node.args[0], upper);
    return (node.text == "+") == upper ? inner : negative(std::move(inner));
  }
  Node copy{node.kind, node.text, {}};
  for (const Node& arg : node.args) copy.args.push_back(with_signs(arg, upper));
  return copy;
}

}  // namespace

Node number(long value) { return {Kind::kNumber, std::to_string(value), {}}; }

Node sum(Node a, Node b) {
  if (a.is(Kind::kSum)) {
    a.args.push_back(std::move(b));
    return a;
  }
  Node node{Kind::kSum};
  node.args.push_back(std::move(a));
  node.args.push_back(std::move(b));
  return node;
}

Node product(Node a, Node b) {
  if (a.is(Kind::kProduct)) {
    a.text.clear();
    a.args.push_back(std::move(b));
    return a;
  }
  Node node{Kind::kProduct};
  node.args.push_back(std::move(a));
  node.args.push_back(std::move(b));
  return node;
}

Node negative(Node a) {
  if (!a.is(Kind::kNumber)) return product(number(-1), std::move(a));
  if (a.text[0] == '-')
    a.text.erase(0, 1);
  else
    a.text.insert(0, 1, '-');
  return a;
}

Node quotient(Node a, Node b) {
  Node inverse{Kind::kPower};
  inverse.args.push_back(std::move(b));
  inverse.args.push_back(number(-1));
  return product(std::move(a), std::move(inverse));
}

Node call(std::string name, Node a) {
  Node node{Kind::kCall, std::move(name), {}};
  node.args.push_back(std::move(a));
  return node;
}

std::optional<long> small_integer(const Node& node) {
  if (!node.is(Kind::kNumber) || node.text.size() > 10) return std::nullopt;
  long value = 0;
  const char* end = node.text.data() + node.text.size();
  if (std::from_chars(node.text.data(), end, value).ptr != end) return std::nullopt;
  return value;
}

bool contains(const Node& node, Kind kind) {
  return node.kind == kind || std::any_of(node.args.begin(), node.args.end(),
                                          [&](const Node& arg) { return contains(arg, kind); });
}

bool has_variables(const Node& node) {
  return contains(node, Kind::kSymbol) || contains(node, Kind::kText);
}

bool is_expression(const Node& node) {
  switch (node.kind) {
    case Kind::kNumber:
    case Kind::kSymbol:
    case Kind::kText:
    case Kind::kConstant:
    case Kind::kSum:
    case Kind::kProduct:
    case Kind::kPower:
    case Kind::kCall:
    case Kind::kPercent:
    case Kind::kDegree:
      return std::all_of(node.args.begin(), node.args.end(), is_expression);
    default:
      return false;
  }
}

std::vector<Node> signs_chosen(const Node& node) {
  if (!contains(node, Kind::kPlusMinus)) return {node};
  return {with_signs(node, true), with_signs(node, false)};
}

}  // namespace amalgam::rewards
