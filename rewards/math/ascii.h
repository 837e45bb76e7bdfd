// Mathematical text in ASCII: every other character becomes the LaTeX it stands for.
#pragma once
#include <string>
#include <string_view>

namespace amalgam::rewards {

// Full-width forms, superscripts (x² is x^{2}), subscripts, fractions (½ is \frac{1}{2}),
// operators, relations, Greek letters, spaces, quotes and currencies. Characters that mean nothing
// here become a question mark, which no reader accepts; invisible ones vanish.
std::string to_ascii(std::string_view text);

}  // namespace amalgam::rewards
