// Text from files and rows, made safe for a one-line message.
#pragma once
#include <string>
#include <string_view>

namespace amalgam {

// Control characters become \x1b, more than 120 bytes are cut. UTF-8, valid or not, stays.
std::string printable(std::string_view text);

}  // namespace amalgam
