// Functions of the family in data_code_function.h with hidden unit tests. The careless answer drops
// one clause (the map or one filter); a problem is used only if its tests notice every dropped
// clause and every other aggregate. As forms of answers, a function, or a program that reads a
// line.
#include <nlohmann/json.hpp>

#include "pipeline/data/quickstart/code_function.h"
#include "pipeline/data/quickstart/problem.h"

namespace amalgam::pipeline {
namespace {

using Inputs = std::vector<std::vector<int>>;

constexpr int kNumTests = 6;
constexpr int kLowest = -9, kHighest = 20;  // values in the lists

CodeFunction draw_function(Draw& draw) {
  CodeFunction function;
  function.aggregate = static_cast<Aggregate>(draw.below(kNumAggregates));
  function.map.kind = static_cast<MapKind>(draw.below(kNumMapKinds));
  if (function.map.kind == MapKind::kAdd || function.map.kind == MapKind::kSubtract ||
      function.map.kind == MapKind::kMultiply)
    function.map.k = draw.between(2, 9);
  // Few functions have no filter: a larger share would run out, and longer data sets would be
  // harder.
  const int share = draw.below(20);
  const int num_filters = share == 0 ? 0 : share < 9 ? 1 : 2;
  for (int i = 0; i < num_filters; ++i) {
    Filter filter{static_cast<FilterKind>(draw.below(kNumFilterKinds)), 0};
    if (filter.kind == FilterKind::kGreater || filter.kind == FilterKind::kLess)
      filter.k = draw.between(1, 9);
    if (filter.kind == FilterKind::kDivisible) filter.k = draw.between(3, 9);
    function.filters.push_back(filter);
  }
  return function;
}

// The function without one of its clauses, once for every clause; the map first.
std::vector<CodeFunction> with_one_clause_dropped(const CodeFunction& function) {
  std::vector<CodeFunction> variants;
  if (function.map.kind != MapKind::kIdentity) {
    variants.push_back(function);
    variants.back().map = Map{};
  }
  for (size_t i = 0; i < function.filters.size(); ++i) {
    variants.push_back(function);
    variants.back().filters.erase(variants.back().filters.begin() + static_cast<long>(i));
  }
  return variants;
}

// Lists with the values around each threshold first, and always something that passes the filters,
// so that max and min are defined. Empty if hardly anything passes.
Inputs draw_inputs(const CodeFunction& function, Draw& draw) {
  std::vector<int> passing;
  for (int x = kLowest; x <= kHighest; ++x)
    if (function.keeps(x)) passing.push_back(x);
  if (passing.size() < 2) return {};
  Inputs inputs(kNumTests);
  for (const Filter& filter : function.filters)
    if (filter.kind == FilterKind::kGreater || filter.kind == FilterKind::kLess)
      for (int delta = -1; delta <= 1; ++delta) inputs[0].push_back(filter.k + delta);
  for (std::vector<int>& xs : inputs) {
    xs.push_back(draw.pick(passing));
    xs.push_back(draw.pick(passing));
    const int num_more = draw.between(2, 4);
    for (int i = 0; i < num_more; ++i) xs.push_back(draw.between(kLowest, kHighest));
    draw.shuffle(xs);
  }
  return inputs;
}

bool notices(const Inputs& inputs, const CodeFunction& function, const CodeFunction& variant) {
  if (function.returns_list() != variant.returns_list()) return true;
  for (const std::vector<int>& xs : inputs)
    if (function.evaluate(xs) != variant.evaluate(xs)) return true;
  return false;
}

bool well_posed(const CodeFunction& function, const std::vector<CodeFunction>& dropped,
                const Inputs& inputs) {
  if (inputs.empty() || dropped.empty()) return false;
  for (const CodeFunction& variant : dropped)
    if (!notices(inputs, function, variant)) return false;
  for (int a = 0; a < kNumAggregates; ++a) {
    CodeFunction variant = function;
    variant.aggregate = static_cast<Aggregate>(a);
    if (variant.aggregate != function.aggregate && !notices(inputs, function, variant))
      return false;
  }
  return true;
}

std::string clauses(const CodeFunction& function, const char* keep, const char* separator) {
  std::string text;
  for (const Filter& filter : function.filters)
    text += (text.empty() ? keep : " and ") + describe(filter);
  const std::string map = describe(function.map);
  if (!map.empty()) text += (text.empty() ? "" : separator) + map;
  return text;
}

// The numbers as a line.
std::string line(const std::vector<int>& numbers) {
  std::string text;
  for (const int x : numbers) text += (text.empty() ? "" : " ") + std::to_string(x);
  return text + "\n";
}

std::string program_ground_truth(const CodeFunction& function, const Inputs& inputs) {
  nlohmann::ordered_json truth = {{"inputs", nlohmann::ordered_json::array()},
                                  {"outputs", nlohmann::ordered_json::array()}};
  for (const std::vector<int>& xs : inputs) {
    truth["inputs"].push_back(line(xs));
    truth["outputs"].push_back(line(function.evaluate(xs)));
  }
  return truth.dump();
}

std::string ground_truth(const CodeFunction& function, const Inputs& inputs) {
  nlohmann::ordered_json truth = {{"fn_name", "f"},
                                  {"inputs", nlohmann::ordered_json::array()},
                                  {"outputs", nlohmann::ordered_json::array()}};
  for (const std::vector<int>& xs : inputs) {
    truth["inputs"].push_back(nlohmann::ordered_json::array({xs}));
    const std::vector<int> value = function.evaluate(xs);
    if (function.returns_list())
      truth["outputs"].push_back(value);
    else
      truth["outputs"].push_back(value.at(0));
  }
  return truth.dump();
}

// A function, and inputs that tell it from each of those with a clause dropped.
struct Tested {
  CodeFunction function;
  std::vector<CodeFunction> dropped;
  Inputs inputs;

  Problem problem() const {
    Problem p;
    p.asked = p.canonical = "code " + function.canonical();
    p.type = std::to_string(dropped.size()) + " clauses";
    return p;
  }
};

Tested draw_tested(Draw& draw) {
  for (;;) {
    Tested tested;
    tested.function = draw_function(draw);
    tested.dropped = with_one_clause_dropped(tested.function);
    tested.inputs = draw_inputs(tested.function, draw);
    if (well_posed(tested.function, tested.dropped, tested.inputs)) return tested;
  }
}

}  // namespace

Problem draw_code(Draw& draw) {
  const Tested tested = draw_tested(draw);
  const CodeFunction& function = tested.function;
  Problem problem = tested.problem();
  const std::string result = describe(function.aggregate);
  if (draw.below(2) == 0)
    problem.user =
        "Write f(xs): " + clauses(function, "keep numbers ", ", ") + ", return " + result + ".";
  else
    problem.user = "Python function f(xs) returns " + result +
                   " after these steps: " + clauses(function, "only numbers ", "; ") + ".";
  problem.ground_truth = ground_truth(function, tested.inputs);
  problem.good = {{"assistant", function.python(), "", {}}};
  problem.careless = {{"assistant", draw.pick(tested.dropped).python(), "", {}}};
  return problem;
}

Problem draw_code_form(Draw& draw, bool second) {
  const Tested tested = draw_tested(draw);
  const CodeFunction& function = tested.function;
  Problem problem = tested.problem();
  problem.user = "From numbers xs: " + clauses(function, "keep ", ", ") + ", give " +
                 describe(function.aggregate) + ".";
  problem.ground_truth = second ? program_ground_truth(function, tested.inputs)
                                : ground_truth(function, tested.inputs);
  problem.good = {{"assistant", second ? function.program() : function.python(), "", {}}};
  problem.careless = {{"assistant", second ? function.python() : function.program(), "", {}}};
  return problem;
}

}  // namespace amalgam::pipeline
