// The family of Python functions that the code domain asks for: aggregate × map × up to two filters
// over a list of integers, with a description, Python source, and the value on an input.
#pragma once
#include <string>
#include <vector>

namespace amalgam::pipeline {

enum class Aggregate { kSum, kMax, kMin, kSorted, kList };
inline constexpr int kNumAggregates = 5;
enum class MapKind { kIdentity, kAdd, kSubtract, kMultiply, kSquare, kNegate, kAbsolute };
inline constexpr int kNumMapKinds = 7;
enum class FilterKind { kEven, kOdd, kGreater, kLess, kDivisible };
inline constexpr int kNumFilterKinds = 5;

struct Map {
  MapKind kind = MapKind::kIdentity;
  int k = 0;  // add, subtract, multiply
};

struct Filter {
  FilterKind kind = FilterKind::kEven;
  int k = 0;  // greater, less, divisible

  bool operator==(const Filter&) const = default;
};

struct CodeFunction {
  Aggregate aggregate = Aggregate::kSum;
  Map map;
  std::vector<Filter> filters;  // all must hold of x before it is mapped

  bool keeps(int x) const;
  int mapped(int x) const;
  // A list for kSorted and kList, else one number; empty where max or min has nothing to choose
  // from.
  std::vector<int> evaluate(const std::vector<int>& xs) const;
  bool returns_list() const {
    return aggregate == Aggregate::kSorted || aggregate == Aggregate::kList;
  }
  std::string python() const;     // the whole source, entry point f
  std::string program() const;    // the same as a program: numbers of a line to a line
  std::string canonical() const;  // the same for every order of the filters

 private:
  std::string expression() const;  // of xs
};

std::string describe(const Filter& filter);  // "greater than 4"
std::string describe(const Map& map);        // "add 3 to each"; empty for the identity
std::string describe(Aggregate aggregate);   // "the sum"

}  // namespace amalgam::pipeline
