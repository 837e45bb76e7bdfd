// What a program printed, compared with what its row expects.
#pragma once
#include <string_view>

namespace amalgam::rewards {

// Lines are stripped and empty ones dropped; then each must be the expected one, or both are one
// number, not both integers, and |a - b| <= 1e-8 + 1e-5 |expected|. Case counts.
bool equal_outputs(std::string_view printed, std::string_view expected);

}  // namespace amalgam::rewards
