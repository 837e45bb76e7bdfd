#include "distill/merging/step_values.h"

#include <algorithm>

namespace amalgam::distill {
namespace {

// Of equal magnitudes the lowest index has the lowest rank.
void della_row(double density, double epsilon, int64_t cols, const double* v, const double* u,
               std::vector<uint64_t>& order, uint8_t* keep) {
  order.resize(static_cast<size_t>(cols));
  for (int64_t c = 0; c < cols; ++c)
    order[static_cast<size_t>(c)] = uint64_t{magnitude_key(v[c])} << 32 | static_cast<uint64_t>(c);
  std::sort(order.begin(), order.end());
  for (int64_t rank = 0; rank < cols; ++rank) {
    const uint64_t c = order[static_cast<size_t>(rank)] & 0xffffffff;
    // One column has no ranks: its probability is the middle one.
    const double place = cols > 1 ? static_cast<double>(rank) / static_cast<double>(cols - 1) : 0.5;
    keep[c] = u[c] < density - epsilon + 2 * epsilon * place;
  }
}

}  // namespace

void kept_by(const SparsifyStep& step, size_t model, const Window& window, int64_t cols,
             int64_t begin, int64_t end, const double* v, const double* u,
             std::vector<uint64_t>& order, uint8_t* keep) {
  const int64_t n = end - begin;
  switch (step.method) {
    case SparsifyStep::Method::kMagnitude:
    case SparsifyStep::Method::kOutliers:
      for (int64_t i = 0; i < n; ++i) keep[i] = window.keeps(magnitude_key(v[i]), begin + i);
      return;
    case SparsifyStep::Method::kMask:
      for (int64_t i = 0; i < n; ++i) keep[i] = u[i] < step.density[model];
      return;
    case SparsifyStep::Method::kDella:
      if (step.density[model] >= 1) {
        std::fill_n(keep, n, uint8_t{1});
        return;
      }
      for (int64_t row = 0; row < n; row += cols)
        della_row(step.density[model], step.epsilon, cols, v + row, u + row, order, keep + row);
      return;
  }
}

}  // namespace amalgam::distill
