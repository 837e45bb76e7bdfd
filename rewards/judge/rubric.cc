#include "rewards/judge/rubric.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "configs/check.h"
#include "configs/error.h"
#include "rewards/judge/literal_line.h"

namespace amalgam::rewards {
namespace {

using nlohmann::json;

Criterion criterion_of(const json& element, size_t number) {
  const std::string which = "criterion " + std::to_string(number) + " of the rubric ";
  const auto member = [&](const char* key) {
    return element.is_object() && element.contains(key) ? element[key] : json();
  };
  const json text = member("text"), weight = member("weight");
  if (!text.is_string() || literal_line(text.get<std::string>(), {}).empty())
    throw Error(which + "has no text");
  if (!weight.is_number()) throw Error(which + "has no weight, a number");
  return {text.get<std::string>(), weight.get<double>()};
}

}  // namespace

Rubric rubric_from_json(const std::string& text) {
  json list;
  try {
    list = json::parse(text);
  } catch (const json::out_of_range&) {  // a number beyond double
    throw Error("the rubric has a weight that is not finite");
  } catch (const json::exception& e) {
    throw Error(std::string("the rubric is no JSON: ") + e.what());
  }
  if (!list.is_array()) throw Error("the rubric must be a list of {\"text\", \"weight\"}");
  Rubric rubric;
  for (const json& element : list)
    rubric.criteria.push_back(criterion_of(element, rubric.criteria.size() + 1));
  if (rubric.criteria.empty()) throw Error("the rubric has no criteria");
  double sum = 0, positive = 0;
  for (const Criterion& criterion : rubric.criteria) {
    sum += criterion.weight;
    positive += std::max(0.0, criterion.weight);
  }
  if (!std::isfinite(sum) || !std::isfinite(positive))
    throw Error("the rubric has weights whose sum is not finite");
  if (positive == 0) throw Error("no weight of the rubric is positive; give one that can be won");
  if (sum == 0) throw Error("the weights of the rubric sum to 0; change one of them");
  return rubric;
}

double rubric_score(const Rubric& rubric, const std::vector<double>& values) {
  CHECK_EQ(values.size(), rubric.criteria.size());
  double won = 0, possible = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    won += rubric.criteria[i].weight * values[i];
    possible += std::max(0.0, rubric.criteria[i].weight);
  }
  return won / possible;
}

}  // namespace amalgam::rewards
