// A merging in normal form: what is done to each delta, who votes, what the sum is divided by.
//
//   d_i = model_i - base, then the `steps` on it, in order
//   result = base + lambda · Σ w_i d_i / divisor     where there is an election, over those only
//                                                    that agree with its sign
//   linear:  Σ w_i m_i, divided by Σ w_i if normalize
//   slerp:   a, b whole tensors, c = a·b / (|a||b|) (a norm ≤ 1e-8 counts as 1)
//            |c| > 0.9995: (1-t)a + tb, else (sin((1-t)θ) a + sin(tθ) b) / sin θ, θ = acos c
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "distill/merging/merge_spec.h"

namespace amalgam::distill {

// Over which elements magnitudes compete.
enum class Scope { kTensor, kModel };

// Of n elements; int() cuts the product of doubles: int(0.29 · 100) is 28.
//   kLargest      the int(density·n) largest |d| stay; of equal ones those of the lowest index
//   kAtLeastOne   as kLargest, but at least one. Both keep all at density ≥ 1
//   kFromTop      |d| ≥ the (n - int(n·density))-th smallest
//   kFromBottom   |d| ≥ the int(n·drop_rate)-th smallest. Both keep all where that is the 0th
enum class TrimRule { kLargest, kAtLeastOne, kFromTop, kFromBottom };

struct SparsifyStep {
  // kMagnitude  as its TrimRule says
  // kMask       stays where u < density
  // kOutliers   in ascending |d|, from position max(0, n - int(density·n) - int(gamma·n)) the next
  //             int(density·n) stay
  // kDella      stays where u < density - ε + 2ε·rank/(cols-1), rank of |d| in its row from 0; a
  //             1-D tensor is one row; at density ≥ 1 all stay
  // u: uniform in [0, 1), of (tensor, model, element).
  enum class Method { kMagnitude, kMask, kOutliers, kDella };

  Method method = Method::kMagnitude;
  std::vector<double> density = {};  // [models]
  // Of what stays. kDensity: / density. kL1: times Σ|d| / Σ|d that stays| over the tensor, 1 if
  // either is < 1e-7.
  Rescale rescale = Rescale::kNone;
  Scope scope = Scope::kTensor;                  // kMagnitude
  TrimRule rule = TrimRule::kLargest;            // kMagnitude
  double drop_rate = 0, gamma = 0, epsilon = 0;  // kFromBottom, kOutliers, kDella
};

// What the sign is where votes cancel: plus, or M, the sign of all signs of the whole model; where
// M is 0 too, minus or nobody's.
enum class TieVote { kPlus, kMajorityElseMinus, kMajorityElseNone };

// kWeightedSum: sign Σ w_i d_i; kSum: sign Σ d_i; kCount: sign Σ sign d_i. Model i agrees where
// w_i d_i (kSum, kCount: d_i) is not 0 and has that sign.
struct Election {
  Vote by = Vote::kWeightedSum;
  TieVote zero = TieVote::kPlus;
};

// kSumWeights: 1 where |Σ w| < 1e-8. kAgreeingWeights: Σ w_i of those that agree, 0 becomes 1.
// kAgreeingCount: at least 1.
enum class Divisor { kNone, kSumWeights, kAgreeingWeights, kAgreeingCount };

struct Recipe {
  enum class Form { kLinear, kSlerp, kDeltas };

  Form form = Form::kDeltas;
  std::vector<double> weights;  // [models]; kSlerp: unused
  bool normalize = false;       // kLinear
  double t = 0;                 // kSlerp
  std::vector<SparsifyStep> steps;
  std::optional<Election> election;
  Divisor divisor = Divisor::kNone;
  double lambda = 1;

  bool is_random() const;
  // Something of one tensor's result depends on all tensors.
  bool needs_whole_model() const;
};

// Throws Error, one line, for what the method or its reading does not use or cannot take.
Recipe recipe_of(const MergeSpec& spec);

}  // namespace amalgam::distill
