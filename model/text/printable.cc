#include "model/text/printable.h"

#include "model/text/utf8.h"

namespace amalgam::model {

std::string printable(std::string_view text) {
  constexpr size_t kMaxShown = 120;
  const bool cut = text.size() > kMaxShown;
  if (cut) text = text.substr(0, complete_utf8_prefix(text.substr(0, kMaxShown)));
  std::string out;
  for (const char ch : text) {
    const auto byte = static_cast<unsigned char>(ch);
    constexpr char kHex[] = "0123456789abcdef";
    if (byte < 0x20 || byte == 0x7f)
      out += std::string("\\x") + kHex[byte >> 4] + kHex[byte & 15];
    else
      out += ch;
  }
  return cut ? out + "…" : out;
}

}  // namespace amalgam::model
