// The one exception type: something in the world (config, file, checkpoint, network) does not fit.
// Caught once, in main, and printed as one line; the message therefore says what to do.
// Our own bugs are CHECKs (configs/check.h); expected outcomes are enum values, never exceptions.
#pragma once
#include <stdexcept>
#include <string>

namespace amalgam {

class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what) : std::runtime_error(what) {}
};

}  // namespace amalgam
