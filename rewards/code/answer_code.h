// The program in what a model wrote.
#pragma once
#include <string>

namespace amalgam::rewards {

// The last ```python fence (also py, python3, Python), to its end or, unclosed, to the end of the
// text; without one the last complete fence of any kind, and without that the whole text.
std::string answer_code(const std::string& text);

}  // namespace amalgam::rewards
