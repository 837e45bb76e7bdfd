// Loops over elements in blocks of 16 that the compiler turns into vector code at -O2. f(i) may
// write only element i and must not read what other elements write. Bits are those of a plain loop.
#pragma once
#include <cstdint>

namespace amalgam::learner {

template <class F>
inline void for_each_element(int64_t n, const F& f) {
  constexpr int64_t kLanes = 16;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
#pragma GCC ivdep
    for (int64_t j = 0; j < kLanes; ++j) f(i + j);
  }
  for (; i < n; ++i) f(i);
}

}  // namespace amalgam::learner
