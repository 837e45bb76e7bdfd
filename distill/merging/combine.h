// The last step of a merging: votes, sums, the result.
#pragma once
#include <cstdint>

#include "distill/merging/recipe.h"

namespace amalgam::distill {

// The sign elected for an element of values v[model * n]; 0 where the votes cancel. kPlus: +1.
int elected_sign(const Recipe& recipe, const double* v, int64_t n);

// v: what the steps left of the deltas, [models][n]; base [n]. `majority`: the sign of the whole
// model, for elections that ask for it.
void combine(const Recipe& recipe, int majority, const float* base, const double* v, int64_t n,
             double* result);

}  // namespace amalgam::distill
