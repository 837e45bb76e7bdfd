#include "distill/merging/thresholds.h"

#include <algorithm>

namespace amalgam::distill {
namespace {

// The product is cut, as Python's int() does.
int64_t share(double x, int64_t n) { return static_cast<int64_t>(x * static_cast<double>(n)); }

// Ascending positions, from 1, of the first and the last element that stays.
struct Range {
  int64_t first, last;
};

Range range_of(const SparsifyStep& step, size_t model, int64_t n) {
  const double density = step.density.empty() ? 0 : step.density[model];
  const int64_t k = std::min(n, share(density, n));
  if (step.method == SparsifyStep::Method::kOutliers) {
    const int64_t dropped = std::max<int64_t>(0, n - k - share(step.gamma, n));
    return {dropped + 1, dropped + k};
  }
  switch (step.rule) {
    case TrimRule::kLargest:
      return {n - k + 1, n};
    case TrimRule::kAtLeastOne:
      return {n - std::max<int64_t>(1, k) + 1, n};
    case TrimRule::kFromTop:
      return {n - k, n};
    case TrimRule::kFromBottom:
      return {share(step.drop_rate, n), n};
  }
  return {1, n};
}

}  // namespace

std::vector<Window> find_windows(const SparsifyStep& step, size_t num_models, int64_t num_workers,
                                 const Field& field, const ForValues& for_values) {
  const int64_t n = field.size();
  const bool outliers = step.method == SparsifyStep::Method::kOutliers;
  std::vector<Window> windows(num_models);
  std::vector<Place> places;
  std::vector<bool> is_last;  // [places]
  for (size_t m = 0; m < num_models; ++m) {
    const Range range = range_of(step, m, n);
    if (range.first > range.last) {
      windows[m] = Window::none();
      continue;
    }
    if (range.first > 1) places.push_back({m, range.first}), is_last.push_back(false);
    if (range.last < n) places.push_back({m, range.last}), is_last.push_back(true);
  }
  find_keys(places, num_workers, field, for_values);

  // Of elements equal to a bound: all stay, or those of the lowest indices, or, where small ones
  // are dropped, those of the lowest indices go first.
  const bool by_index =
      outliers || step.rule == TrimRule::kLargest || step.rule == TrimRule::kAtLeastOne;
  for (size_t i = 0; i < places.size() && by_index; ++i) {
    Place& p = places[i];
    const int64_t place = p.position - p.less, staying = p.equal - place + 1;
    if (is_last[i] ? place < p.equal : place > 1) p.tie = outliers ? place : staying;
  }
  find_ties(places, num_workers, field, for_values);
  for (size_t i = 0; i < places.size(); ++i) {
    const Place& p = places[i];
    Window& w = windows[p.model];
    (is_last[i] ? w.high : w.low) = p.key;
    if (p.tie) (is_last[i] ? w.high_last : outliers ? w.low_first : w.low_last) = p.tie_index;
  }
  return windows;
}

}  // namespace amalgam::distill
