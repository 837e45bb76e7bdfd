// What an answer is once it has been read: a tree.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::rewards {

enum class Kind {
  kNumber,    // text: decimal digits with at most one point, '-' before them if negative
  kSymbol,    // text: a variable's name, with its subscript
  kText,      // text: words, in lower case
  kConstant,  // text: "pi", "e", "i", "inf"
  kSum,       // args
  kProduct,  // args; a negation is a product with −1. Text: the letters of what may be a name or a
             // word, AB or HTH, or none
  kPower,      // args: base, exponent; a quotient is a product with a power −1
  kCall,       // text: the function; args
  kPlusMinus,  // text: "+" for ±, "-" for ∓; args: one
  kPercent,    // args: one
  kDegree,     // args: one
  kQuantity,   // text: unit; args: one
  kRatio,      // args: the parts
  kBased,      // text: digits "_" base
  kTime,       // text: minutes of the day, then " am" or " pm" if said
  kDate,       // text: year-month-day, the year empty if not said
  kTuple,      // text: the two brackets, as "(]"; args. Also an interval
  kSet,        // args
  kList,       // text: "," or "or"; args, without brackets
  kRelation,  // args; text: the relations between them, one character each: = ! < > l (≤) g (≥) @
              // (∈)
  kNamedSet,  // text: "R", "Z", ...
  kSetUnion,
  kSetIntersection,
  kSetDifference,
  kMatrix  // args: rows, each a kTuple
};

struct Node {
  Kind kind = Kind::kNumber;
  std::string text = {};
  std::vector<Node> args = {};

  bool operator==(const Node&) const = default;
  bool is(Kind k) const { return kind == k; }
  bool is(Kind k, std::string_view t) const { return kind == k && text == t; }
};

Node number(long value);
Node sum(Node a, Node b);
Node product(Node a, Node b);
Node negative(Node a);
Node quotient(Node a, Node b);
Node call(std::string name, Node a);

// The value of a number that is written as at most nine digits.
std::optional<long> small_integer(const Node& node);

// Whether any part of the tree has this kind.
bool contains(const Node& node, Kind kind);
// Whether it has letters that stand for anything: symbols, words, opaque functions.
bool has_variables(const Node& node);
// What a number, a term or a formula consists of; not lists, sets, relations and the like.
bool is_expression(const Node& node);

// Both readings of every ±, the upper signs first; the node itself where there is none.
std::vector<Node> signs_chosen(const Node& node);

}  // namespace amalgam::rewards
