// A mean reward with its standard error: what validation, evaluation and choices compare.
#pragma once
#include <limits>

namespace amalgam::pipeline {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct Score {
  double mean = kUnknown;            // of rewards; NaN: not measured
  double standard_error = kUnknown;  // NaN: not known
  // Every reward was 0 or 1, so that the mean is a share and may be said in per cent.
  bool is_share = false;
};

}  // namespace amalgam::pipeline
