#include "pipeline/data/drawn.h"

#include <algorithm>
#include <utility>

namespace amalgam::pipeline {

std::vector<size_t> drawn(size_t all, size_t count, const kernels::RngKey& key) {
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < all; ++i) order.emplace_back(kernels::uniform(key, i), i);
  std::sort(order.begin(), order.end());
  std::vector<size_t> places;
  for (size_t i = 0; i < std::min(all, count); ++i) places.push_back(order[i].second);
  return places;
}

}  // namespace amalgam::pipeline
