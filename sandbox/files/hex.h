// Bytes as lower-case hexadecimal digits, and names made of them.
#pragma once
#include <string>
#include <string_view>

namespace amalgam::sandbox {

std::string to_hex(std::string_view bytes);
// Whether there is nothing else in it.
bool is_hex(std::string_view text);
// The digits of so many random bytes: nobody else has them, or can guess them.
std::string random_hex(size_t num_bytes);

}  // namespace amalgam::sandbox
