// Sets of real numbers: intervals, their unions, solutions of inequalities.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "rewards/math/node.h"

namespace amalgam::rewards {

// A union of intervals, as the places where membership changes, in order: the first begins an
// interval, the second ends it, and so on. [a,b) is (before a, before b), {a} is (before a, after
// a).
struct RealSet {
  struct Cut {
    Node value;  // a real constant or ±∞
    bool after = false;
  };
  std::vector<Cut> cuts;
  std::string variable;  // that it was said of: "x" of "x < 3"; empty: none
};

// None if the node is no such set: "[2,1)", "(x,3)", more than 40 intervals. A pair in round
// brackets is an interval, {1,2} two points, "x < -2 or x > 2" a union, "x \ne 0" all but a point.
std::optional<RealSet> real_set_of(const Node& node);

// Whether a tree says by itself that it is a set of real numbers, which a pair (1,2) does not.
bool is_surely_real_set(const Node& node);

bool same_set(const RealSet& a, const RealSet& b);
std::string spelled(const RealSet& set);

}  // namespace amalgam::rewards
