#include "pipeline/stages/merge_candidates.h"

#include "pipeline/run_store/text_format.h"

namespace amalgam::pipeline {
namespace {

using configs::Method;

// middle, then up and down by more and more steps; up alone where down is no longer above 0.
std::vector<double> around(double middle, double step, int64_t n) {
  std::vector<double> all = {middle};
  for (int64_t i = 1; static_cast<int64_t>(all.size()) < n; ++i) {
    const double distance = step * static_cast<double>(i);
    all.push_back(middle + distance);
    if (middle - distance > 0 && static_cast<int64_t>(all.size()) < n)
      all.push_back(middle - distance);
  }
  return all;
}

bool has_density(Method m) {
  return m == Method::kTies || m == Method::kDare || m == Method::kDareTies;
}

}  // namespace

std::vector<MergeCandidate> merge_candidates(const configs::CompareConfig& compare,
                                             int64_t num_candidates) {
  if (compare.method == Method::kMean) return {{}};
  std::vector<MergeCandidate> all;
  if (compare.method == Method::kSlerp) {
    // Further than 0 and 1 no default goes.
    const double step = num_candidates <= 7 ? 0.125 : 1 / static_cast<double>(num_candidates + 1);
    const auto ts = compare.ts.empty() ? around(0.5, step, num_candidates) : compare.ts;
    for (const double t : ts) all.push_back({.t = t});
    return all;
  }
  std::vector<double> densities = compare.densities;
  if (!has_density(compare.method)) densities = {1};
  if (densities.empty()) densities = {0.5};
  if (has_density(compare.method) && compare.densities.empty() && compare.scales.empty())
    densities.push_back(0.2);
  const auto per_scale = static_cast<int64_t>(densities.size());
  const auto scales = compare.scales.empty()
                          ? around(1, 0.25, (num_candidates + per_scale - 1) / per_scale)
                          : compare.scales;
  for (const double scale : scales)
    for (const double density : densities) all.push_back({.scale = scale, .density = density});
  if (static_cast<int64_t>(all.size()) > num_candidates)
    all.resize(static_cast<size_t>(num_candidates));
  return all;
}

std::string candidate_text(Method method, const MergeCandidate& c) {
  if (method == Method::kMean) return "";
  if (method == Method::kSlerp) return "t " + format_number(c.t);
  std::string text = "scale " + format_number(c.scale);
  if (has_density(method)) text += ", density " + format_number(c.density);
  return text;
}

}  // namespace amalgam::pipeline
