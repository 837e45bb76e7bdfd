#include "kernels/head/top_k.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "configs/check.h"

namespace amalgam::kernels {

void top_k(const float* z, int64_t n, int64_t k, int32_t* ids) {
  CHECK(1 <= k && k <= n);
  const auto value = [z](int32_t id) {
    return std::isnan(z[id]) ? std::numeric_limits<float>::infinity() : z[id];
  };
  const auto before = [&](int32_t a, int32_t b) {
    const float x = value(a), y = value(b);
    return x != y ? x > y : a < b;
  };
  // A heap whose top is the last of the k. Ids come in order: an equal one is behind it.
  for (int32_t id = 0; id < k; ++id) ids[id] = id;
  std::make_heap(ids, ids + k, before);
  float least = value(ids[0]);
  for (auto id = static_cast<int32_t>(k); id < n; ++id) {
    if (z[id] <= least) continue;
    if (value(id) == least) continue;
    std::pop_heap(ids, ids + k, before);
    ids[k - 1] = id;
    std::push_heap(ids, ids + k, before);
    least = value(ids[0]);
  }
  std::sort_heap(ids, ids + k, before);
}

}  // namespace amalgam::kernels
