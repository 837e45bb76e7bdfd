// What an answer is judged by: criteria in words, each with a weight.
#pragma once
#include <string>
#include <vector>

namespace amalgam::rewards {

struct Criterion {
  std::string text;
  double weight = 1;
};

struct Rubric {
  std::vector<Criterion> criteria;
};

// A row's rubric: a JSON list of {"text", "weight"}. Throws Error, without a place, that says what
// is wrong: no criteria, a criterion without a text, a weight that is not finite, no positive
// weight, weights that sum to 0.
Rubric rubric_from_json(const std::string& json);

// Σ w·v / Σ of the positive w; values [criterion] in [0, 1]. A negative weight is a penalty, as
// HealthBench has them: the best score is 1 whatever the penalties, and the worst is below 0.
double rubric_score(const Rubric& rubric, const std::vector<double>& values);

}  // namespace amalgam::rewards
