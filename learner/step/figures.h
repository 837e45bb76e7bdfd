// Mean: a figure that is measured in parts (tokens, samples, updates), as a sum and a count. So the
// mean over several parts is over all that was measured, and what was not measured has no value.
#pragma once
#include <cstdint>
#include <optional>

namespace amalgam::learner {

struct Mean {
  double sum = 0;
  int64_t count = 0;

  void add(double x) { sum += x, ++count; }
  void add(const Mean& part) { sum += part.sum, count += part.count; }
  std::optional<double> value() const {
    if (count == 0) return std::nullopt;
    return sum / static_cast<double>(count);
  }
};

}  // namespace amalgam::learner
