// Mathematical text in ASCII: other characters become the LaTeX they stand for.
#pragma once
#include <string>
#include <string_view>

namespace amalgam::rewards {

// Full-width forms, superscripts (x² is x^{2}), subscripts, fractions (½ is \frac{1}{2}),
// operators, relations, Greek letters, spaces, quotes and currencies. A character that means
// nothing here stays as it is, in UTF-8: no reader accepts it, and it is equal to itself alone.
// Invisible ones vanish.
std::string to_ascii(std::string_view text);

}  // namespace amalgam::rewards
