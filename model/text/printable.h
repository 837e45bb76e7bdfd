// Text from files and rows, made safe for a one-line message.
#pragma once
#include <string>
#include <string_view>

namespace amalgam::model {

// Control characters escaped, cut when long.
std::string printable(std::string_view text);

}  // namespace amalgam::model
