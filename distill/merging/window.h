// Which elements stay by their magnitude: those whose place in an order of magnitudes is within
// bounds. Magnitudes are compared as f32, by their bits, which order like the numbers.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace amalgam::distill {

// Bits of |x| as f32: 31 of them.
inline uint32_t magnitude_key(double x) {
  return std::bit_cast<uint32_t>(static_cast<float>(std::abs(x)));
}

// Keys in [low, high]; of those equal to a bound, the elements of some indices only.
struct Window {
  static constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

  uint32_t low = 0, high = std::numeric_limits<uint32_t>::max();
  int64_t low_first = 0, low_last = kEnd;  // of key == low
  int64_t high_last = kEnd;                // of key == high

  bool keeps_all() const { return low == 0 && low_first <= 0 && low_last == kEnd && high > kMax; }
  bool keeps(uint32_t key, int64_t index) const {
    if (key > low && key < high) return true;
    if (key < low || key > high) return false;
    return (key != low || (index >= low_first && index <= low_last)) &&
           (key != high || index <= high_last);
  }

  // The same, with indices from `first` on.
  Window from(int64_t first) const {
    Window w = *this;
    if (w.low_last != kEnd) w.low_last -= first;
    if (w.high_last != kEnd) w.high_last -= first;
    w.low_first -= first;
    return w;
  }

  static Window none() { return {.low = std::numeric_limits<uint32_t>::max()}; }

 private:
  static constexpr uint32_t kMax = 0x7fffffff;
};

}  // namespace amalgam::distill
