#include "configs/printable.h"

#include "configs/utf8.h"

namespace amalgam {

std::string printable(std::string_view text) {
  constexpr size_t kMaxShown = 120;
  std::string out;
  for (const char ch : shortened_utf8(text, kMaxShown)) {
    const auto byte = static_cast<unsigned char>(ch);
    constexpr char kHex[] = "0123456789abcdef";
    if (byte < 0x20 || byte == 0x7f)
      out += std::string("\\x") + kHex[byte >> 4] + kHex[byte & 15];
    else
      out += ch;
  }
  return out;
}

}  // namespace amalgam
