// Waiting for what other processes and threads do.
#pragma once
#include <unistd.h>

#include <fstream>
#include <functional>
#include <string>

#include "configs/clock.h"

namespace amalgam {

inline double seconds_of(const std::function<void()>& action) {
  const auto begin = Clock::now();
  action();
  return seconds_since(begin);
}

// Looks until it is so. False when it is not in time.
inline bool eventually(const std::function<bool()>& condition, double seconds = 30) {
  constexpr double kLookSeconds = 0.01;
  for (double waited = 0; waited < seconds; waited += kLookSeconds) {
    if (condition()) return true;
    usleep(static_cast<useconds_t>(kLookSeconds * 1e6));
  }
  return false;
}

// A process that is there, and not only its exit status.
inline bool is_alive(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(in, text);
  const size_t end = text.rfind(')');
  return end != std::string::npos && text[end + 2] != 'Z';
}

}  // namespace amalgam
