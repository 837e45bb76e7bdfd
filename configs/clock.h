// Times for deadlines, figures and records; none may reach a number of a run's results.
#pragma once
#include <chrono>

namespace amalgam {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}
// Of a clock that only runs forward, since some moment.
inline double steady_seconds() { return seconds_since({}); }
inline double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace amalgam
