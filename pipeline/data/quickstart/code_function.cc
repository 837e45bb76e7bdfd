#include "pipeline/data/quickstart/code_function.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "configs/check.h"

namespace amalgam::pipeline {
namespace {

// Python's remainder: never negative for m > 0.
int modulo(int x, int m) { return (x % m + m) % m; }

bool holds(const Filter& filter, int x) {
  switch (filter.kind) {
    case FilterKind::kEven:
      return modulo(x, 2) == 0;
    case FilterKind::kOdd:
      return modulo(x, 2) == 1;
    case FilterKind::kGreater:
      return x > filter.k;
    case FilterKind::kLess:
      return x < filter.k;
    case FilterKind::kDivisible:
      return modulo(x, filter.k) == 0;
  }
  CHECK(false);
  return false;
}

std::string python(const Filter& filter) {
  const std::string k = std::to_string(filter.k);
  switch (filter.kind) {
    case FilterKind::kEven:
      return "x % 2 == 0";
    case FilterKind::kOdd:
      return "x % 2 == 1";
    case FilterKind::kGreater:
      return "x > " + k;
    case FilterKind::kLess:
      return "x < " + k;
    case FilterKind::kDivisible:
      return "x % " + k + " == 0";
  }
  CHECK(false);
  return "";
}

std::string python(const Map& map) {
  const std::string k = std::to_string(map.k);
  switch (map.kind) {
    case MapKind::kIdentity:
      return "x";
    case MapKind::kAdd:
      return "x + " + k;
    case MapKind::kSubtract:
      return "x - " + k;
    case MapKind::kMultiply:
      return "x * " + k;
    case MapKind::kSquare:
      return "x * x";
    case MapKind::kNegate:
      return "-x";
    case MapKind::kAbsolute:
      return "abs(x)";
  }
  CHECK(false);
  return "";
}

const char* python(Aggregate aggregate) {
  switch (aggregate) {
    case Aggregate::kSum:
      return "sum";
    case Aggregate::kMax:
      return "max";
    case Aggregate::kMin:
      return "min";
    case Aggregate::kSorted:
      return "sorted";
    case Aggregate::kList:
      return "list";
  }
  CHECK(false);
  return "";
}

}  // namespace

bool CodeFunction::keeps(int x) const {
  return std::all_of(filters.begin(), filters.end(), [x](const Filter& f) { return holds(f, x); });
}

int CodeFunction::mapped(int x) const {
  switch (map.kind) {
    case MapKind::kIdentity:
      return x;
    case MapKind::kAdd:
      return x + map.k;
    case MapKind::kSubtract:
      return x - map.k;
    case MapKind::kMultiply:
      return x * map.k;
    case MapKind::kSquare:
      return x * x;
    case MapKind::kNegate:
      return -x;
    case MapKind::kAbsolute:
      return std::abs(x);
  }
  CHECK(false);
  return 0;
}

std::vector<int> CodeFunction::evaluate(const std::vector<int>& xs) const {
  std::vector<int> kept;
  for (const int x : xs)
    if (keeps(x)) kept.push_back(mapped(x));
  switch (aggregate) {
    case Aggregate::kSum:
      return {std::accumulate(kept.begin(), kept.end(), 0)};
    case Aggregate::kMax:
      if (kept.empty()) return {};
      return {*std::max_element(kept.begin(), kept.end())};
    case Aggregate::kMin:
      if (kept.empty()) return {};
      return {*std::min_element(kept.begin(), kept.end())};
    case Aggregate::kSorted:
      std::sort(kept.begin(), kept.end());
      return kept;
    case Aggregate::kList:
      return kept;
  }
  CHECK(false);
  return {};
}

std::string CodeFunction::python() const { return "def f(xs):\n    return " + expression(); }

std::string CodeFunction::program() const {
  return std::string("xs = map(int, input().split())\nprint(") + (returns_list() ? "*" : "") +
         expression() + ")";
}

std::string CodeFunction::expression() const {
  std::string text =
      std::string(pipeline::python(aggregate)) + "(" + pipeline::python(map) + " for x in xs";
  for (size_t i = 0; i < filters.size(); ++i)
    text += (i == 0 ? " if " : " and ") + pipeline::python(filters[i]);
  return text + ")";
}

std::string CodeFunction::canonical() const {
  std::vector<std::string> parts;
  for (const Filter& filter : filters) parts.push_back(pipeline::python(filter));
  std::sort(parts.begin(), parts.end());
  std::string text = std::string(pipeline::python(aggregate)) + "; " + pipeline::python(map);
  for (const std::string& part : parts) text += "; " + part;
  return text;
}

std::string describe(const Filter& filter) {
  const std::string k = std::to_string(filter.k);
  switch (filter.kind) {
    case FilterKind::kEven:
      return "even";
    case FilterKind::kOdd:
      return "odd";
    case FilterKind::kGreater:
      return "greater than " + k;
    case FilterKind::kLess:
      return "less than " + k;
    case FilterKind::kDivisible:
      return "divisible by " + k;
  }
  CHECK(false);
  return "";
}

std::string describe(const Map& map) {
  const std::string k = std::to_string(map.k);
  switch (map.kind) {
    case MapKind::kIdentity:
      return "";
    case MapKind::kAdd:
      return "add " + k + " to each";
    case MapKind::kSubtract:
      return "subtract " + k + " from each";
    case MapKind::kMultiply:
      return "multiply each by " + k;
    case MapKind::kSquare:
      return "square each";
    case MapKind::kNegate:
      return "negate each";
    case MapKind::kAbsolute:
      return "take abs of each";
  }
  CHECK(false);
  return "";
}

std::string describe(Aggregate aggregate) {
  switch (aggregate) {
    case Aggregate::kSum:
      return "the sum";
    case Aggregate::kMax:
      return "the largest";
    case Aggregate::kMin:
      return "the smallest";
    case Aggregate::kSorted:
      return "the sorted list";
    case Aggregate::kList:
      return "the list";
  }
  CHECK(false);
  return "";
}

}  // namespace amalgam::pipeline
