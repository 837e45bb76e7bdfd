#include "rewards/math/spelling.h"

#include <algorithm>

#include "rewards/math/ball.h"
#include "rewards/math/equality.h"
#include "rewards/math/exact.h"
#include "rewards/math/real_set.h"

namespace amalgam::rewards {
namespace {

std::string digits_of(arb_srcptr value) {
  char* digits = arb_get_str(value, 20, ARB_STR_NO_RADIUS);
  std::string text = digits;
  flint_free(digits);
  return text;
}

// The digits of an irrational constant; empty: it has none.
std::string constant(const Node& node) {
  long steps = 2000;
  Ball value;
  if (!evaluate(node, Point::kPositive, 256, &steps, &value)) return "";
  const bool real = arb_contains_zero(acb_imagref(value.get()));
  if (real) return digits_of(acb_realref(value.get()));
  const std::string imaginary = digits_of(acb_imagref(value.get())) + " i";
  if (arb_contains_zero(acb_realref(value.get()))) return imaginary;
  return digits_of(acb_realref(value.get())) + " + " + imaginary;
}

std::string joined(const std::vector<Node>& args, const std::string& separator, bool in_order) {
  std::vector<std::string> texts;
  for (const Node& arg : args) {
    std::string text = spelled(arg);
    const bool compound = arg.is(Kind::kSum) || arg.is(Kind::kProduct);
    texts.push_back(compound && separator != ", " ? "(" + text + ")" : text);
  }
  if (!in_order) std::sort(texts.begin(), texts.end());
  std::string all;
  for (const std::string& text : texts) {
    if (!all.empty()) all += separator;
    all += text;
  }
  return all;
}

}  // namespace

std::string spelled(const Node& node) {
  if (const auto exact = exact_value(node)) return spelled(*exact);
  if (const int sign = infinity_sign(node)) return sign > 0 ? "inf" : "-inf";
  if (is_expression(node) && !has_variables(node) && !node.is(Kind::kText)) {
    std::string text = constant(node);
    if (!text.empty()) return text;
  }
  if (const auto set = is_surely_real_set(node) ? real_set_of(node) : std::nullopt)
    return spelled(*set);
  switch (node.kind) {
    case Kind::kSum:
      return joined(node.args, " + ", false);
    case Kind::kProduct:
      return joined(node.args, "*", false);
    case Kind::kPower:
      return joined(node.args, "^", true);
    case Kind::kQuantity:
    case Kind::kDegree:
      return spelled(node.args[0]);
    case Kind::kPercent:
      return spelled(node.args[0]) + "%";
    case Kind::kPlusMinus:
      return (node.text == "+" ? "+-" : "-+") + spelled(node.args[0]);
    case Kind::kCall:
      return node.text + "(" + joined(node.args, ", ", true) + ")";
    case Kind::kRatio:
      return joined(node.args, ":", true);
    case Kind::kTuple:
      return (node.text == "<>" ? "(" : node.text.substr(0, 1)) + joined(node.args, ", ", true) +
             (node.text == "<>" ? ")" : node.text.substr(1));
    case Kind::kMatrix:
      return "[" + joined(node.args, ", ", true) + "]";
    case Kind::kSet:
      return "{" + joined(node.args, ", ", false) + "}";
    case Kind::kList:
      return joined(node.args, ", ", false);
    case Kind::kSetUnion:
      return joined(node.args, " U ", false);
    case Kind::kSetIntersection:
      return joined(node.args, " & ", false);
    case Kind::kSetDifference:
      return joined(node.args, " \\ ", true);
    case Kind::kRelation: {
      std::string text = spelled(node.args[0]);
      for (size_t i = 0; i < node.text.size(); ++i) {
        const char sign = node.text[i];
        text += sign == 'l'   ? " <= "
                : sign == 'g' ? " >= "
                : sign == '!' ? " != "
                : sign == '@' ? " in "
                              : std::string(" ") + sign + " ";
        text += spelled(node.args[i + 1]);
      }
      return text;
    }
    default:
      return node.text;
  }
}

}  // namespace amalgam::rewards
