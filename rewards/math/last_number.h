// Numbers among words.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace amalgam::rewards {

// The last number of a text, spelled() as number.h does. A sign belongs to it only if nothing that
// could be an operand stands before ("12-5" ends with 5, "x = -5" with -5); digits inside a word
// (x2), exponents and subscripts are none.
std::optional<std::string> last_number(std::string_view text);
bool has_one_number(std::string_view text);

}  // namespace amalgam::rewards
