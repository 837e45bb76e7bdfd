// The byte-level alphabet of tokenizer.json: each byte is spelled as one printable character
// (GPT-2's table), so that vocabulary and merges can be written as text.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace amalgam::model {

// "hello world" -> "helloĠworld". Takes any bytes.
std::string bytes_to_byte_level(std::string_view bytes);
// The inverse; nothing when a character is not in the alphabet (added tokens such as <｜User｜>).
std::optional<std::string> byte_level_to_bytes(std::string_view text);

}  // namespace amalgam::model
