#include "sandbox/base64.h"

#include <cstdint>
#include <cstring>

namespace amalgam::sandbox {
namespace {

constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string encode_base64(const std::string& bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0u);
    for (size_t j = 0; j < 4; ++j)
      text += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

bool decode_base64(const std::string& text, std::string* bytes) {
  bytes->clear();
  for (size_t i = 0; i < text.size(); i += 4) {
    uint32_t group = 0;
    for (size_t j = 0; j < 4 && i + j < text.size(); ++j) {
      const char c = text[i + j];
      const char* const digit = c && c != '=' ? std::strchr(kDigits, c) : nullptr;
      group = group << 6 | (digit ? static_cast<uint32_t>(digit - kDigits) : 0u);
    }
    for (int j = 16; j >= 0; j -= 8) *bytes += static_cast<char>(group >> j & 255);
  }
  for (size_t n = 0; n < 2 && n < text.size() && text[text.size() - 1 - n] == '='; ++n)
    if (!bytes->empty()) bytes->pop_back();
  return encode_base64(*bytes) == text;
}

}  // namespace amalgam::sandbox
