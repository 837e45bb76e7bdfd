// The line with which something fails.
#pragma once
#include <functional>
#include <string>

#include "configs/error.h"

namespace amalgam::tests {

// Empty when f throws no Error.
inline std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace amalgam::tests
