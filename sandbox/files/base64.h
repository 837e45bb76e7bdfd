// Base64 of RFC 4648 section 4, with padding.
#pragma once
#include <string>

namespace amalgam::sandbox {

std::string encode_base64(const std::string& bytes);
// False unless `text` is what encode_base64 gives for some bytes.
bool decode_base64(const std::string& text, std::string* bytes);

}  // namespace amalgam::sandbox
