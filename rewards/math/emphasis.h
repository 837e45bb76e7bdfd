// Markdown's marks of emphasis.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace amalgam::rewards {

// Without the stars and underlines that mark bold and italic text; a star between two operands is
// none ("2**3", "2 * 3", "2*3"). *span_end: where, in what is returned, the first marked text ends
// if one began at the text's begin or before it; npos otherwise.
std::string without_emphasis(std::string_view text, size_t* span_end);

}  // namespace amalgam::rewards
