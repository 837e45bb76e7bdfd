// What a base's accuracy gains with length, and the penalties that follow from it
// (amalgam effort suggest).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace amalgam::pipeline {

struct SampledAnswer {
  int64_t question = 0;
  double tokens = 0, reward = 0;
};

// A part of the samples: of each question those of one rank by length, so that hard questions,
// whose answers are longer, are in every part.
struct CurvePoint {
  double tokens = 0, reward = 0;  // means over the samples
  int64_t samples = 0;
  double variance = 0;  // of their rewards
};

// At most `parts` points, by length. Questions without two samples are left out.
std::vector<CurvePoint> accuracy_by_length(const std::vector<SampledAnswer>& samples, int parts);

// The points that some price of a token makes the best (the upper convex hull), from the shortest
// to the one of the highest reward.
std::vector<CurvePoint> best_points(const std::vector<CurvePoint>& curve);

// Whether the last of best_points() is better than the first by more than chance would have it.
bool is_clear(const std::vector<CurvePoint>& best);

struct EffortProposal {
  // Reward lost a token: the shortest point is the best at none's by far, the longest at max's, one
  // between them at high's; low's is between none's and high's.
  std::map<std::string, double> k;
  double k0 = 0, tau = 0;   // k0 · exp(-(b - 1) / tau) goes from none's at 1 to max's at 100
  bool has_middle = false;  // false: the curve has no clear bend between them
};

// Of best_points() that are clear.
EffortProposal propose(const std::vector<CurvePoint>& best);

}  // namespace amalgam::pipeline
