// What the kernels' tests share: comparison with an oracle in double, and bits that must not depend
// on threads or instruction set.
#pragma once
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/device/thread_pool.h"
#include "tests/kernels/head/head_case.h"

namespace amalgam::kernels {

// Largest |got - want|, relative to the largest |want|. Infinite for a NaN.
inline double relative_error(const std::vector<double>& want, const std::vector<float>& got) {
  if (want.size() != got.size()) return std::numeric_limits<double>::infinity();
  double error = 0, largest = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double e = std::abs(want[i] - static_cast<double>(got[i]));
    if (std::isnan(e)) return std::numeric_limits<double>::infinity();
    error = std::max(error, e);
    largest = std::max(largest, std::abs(want[i]));
  }
  return error == 0 ? 0 : error / largest;
}

inline double dot(const std::vector<double>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * static_cast<double>(b[i]);
  return sum;
}

inline void append(std::vector<float>* all, const std::vector<float>& part) {
  all->insert(all->end(), part.begin(), part.end());
}

// Elements [begin, begin + n).
inline std::vector<float> slice(const std::vector<float>& x, int64_t begin, int64_t n) {
  return {x.begin() + begin, x.begin() + begin + n};
}

// run(pool) -> floats: the same bits for 1, 2 and 3 threads and on every instruction set of this
// machine.
template <class Run>
void expect_same_bits_everywhere(const Run& run) {
  ThreadPool one(1), two(2), three(3);
  const std::vector<float> want = run(one);
  EXPECT_TRUE(same_bits(want, run(two))) << "2 threads";
  EXPECT_TRUE(same_bits(want, run(three))) << "3 threads";
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    EXPECT_TRUE(same_bits(want, run(one))) << hwy::TargetName(target);
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace amalgam::kernels
