#include "distill/merging/combine.h"

#include <cmath>

namespace amalgam::distill {
namespace {

int sign(double x) { return (x > 0) - (x < 0); }

// Where votes cancel.
int fallback(TieVote zero, int majority) {
  if (zero == TieVote::kPlus) return 1;
  return majority == 0 && zero == TieVote::kMajorityElseMinus ? -1 : majority;
}

}  // namespace

int elected_sign(const Recipe& recipe, const double* v, int64_t n) {
  double votes = 0;
  for (size_t m = 0; m < recipe.weights.size(); ++m) {
    const double d = v[static_cast<int64_t>(m) * n];
    switch (recipe.election->by) {
      case Vote::kWeightedSum:
        votes += recipe.weights[m] * d;
        break;
      case Vote::kSum:
        votes += d;
        break;
      case Vote::kCount:
        votes += sign(d);
    }
  }
  return sign(votes);
}

void combine(const Recipe& recipe, int majority, const float* base, const double* v, int64_t n,
             double* result) {
  const size_t models = recipe.weights.size();
  if (!recipe.election) {
    double divisor = 1;
    if (recipe.divisor == Divisor::kSumWeights) {
      divisor = 0;
      for (const double w : recipe.weights) divisor += w;
      if (std::abs(divisor) < 1e-8) divisor = 1;
    }
    for (int64_t i = 0; i < n; ++i) {
      double mixed = 0;
      for (size_t m = 0; m < models; ++m)
        mixed += recipe.weights[m] * v[static_cast<int64_t>(m) * n + i];
      result[i] = base[i] + recipe.lambda * mixed / divisor;
    }
    return;
  }
  const bool weighted = recipe.election->by == Vote::kWeightedSum;
  const int if_zero = fallback(recipe.election->zero, majority);
  for (int64_t i = 0; i < n; ++i) {
    int s = elected_sign(recipe, v + i, n);
    if (s == 0) s = if_zero;
    double mixed = 0, weights = 0;
    int64_t count = 0;
    for (size_t m = 0; m < models; ++m) {
      const double d = v[static_cast<int64_t>(m) * n + i], product = recipe.weights[m] * d;
      const int vote = sign(weighted ? product : d);
      if (vote == 0 || vote != s) continue;
      mixed += product;
      weights += recipe.weights[m];
      ++count;
    }
    double divisor = 1;
    if (recipe.divisor == Divisor::kAgreeingWeights && weights != 0) divisor = weights;
    if (recipe.divisor == Divisor::kAgreeingCount && count > 0)
      divisor = static_cast<double>(count);
    result[i] = base[i] + recipe.lambda * mixed / divisor;
  }
}

}  // namespace amalgam::distill
