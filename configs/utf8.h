// UTF-8 as it comes from the world: possibly invalid, possibly cut in the middle of a character.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace amalgam {

// What stands at the front of a non-empty text. When it is no character, `length` is the maximal
// subpart (Unicode §3.9), the unit that decoders replace by one U+FFFD.
struct Utf8Step {
  char32_t code_point = 0;  // U+FFFD when invalid
  size_t length = 0;        // bytes, >= 1
  bool valid = false;
  bool truncated = false;  // invalid only because the text ends here
};
Utf8Step decode_utf8(std::string_view text);

// Length of the longest valid prefix.
size_t valid_utf8_prefix(std::string_view text);
// Length of `text` without a last character that more bytes could still complete.
size_t complete_utf8_prefix(std::string_view text);
// At most max_bytes of the text's characters, then "…" where that is not all.
std::string shortened_utf8(std::string_view text, size_t max_bytes);
// Valid UTF-8: every maximal invalid subpart becomes U+FFFD, as in Python's errors="replace".
std::string replace_invalid_utf8(std::string_view text);
// Whether a byte stands inside a character, after its first.
constexpr bool continues_utf8(char byte) { return (byte & 0xC0) == 0x80; }
void append_utf8(char32_t code_point, std::string& out);

}  // namespace amalgam
