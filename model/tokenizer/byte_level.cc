#include "model/tokenizer/byte_level.h"

#include <array>
#include <cstdint>

#include "configs/utf8.h"

namespace amalgam::model {
namespace {

struct Alphabet {
  std::array<char32_t, 256> of_byte{};
  std::array<int16_t, 512> byte_of{};  // -1 = not in the alphabet

  Alphabet() {
    byte_of.fill(-1);
    char32_t next = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) ||
                             (byte >= 0xAE && byte <= 0xFF);
      const char32_t spelled = printable ? static_cast<char32_t>(byte) : next++;
      of_byte[static_cast<size_t>(byte)] = spelled;
      byte_of[spelled] = static_cast<int16_t>(byte);
    }
  }
};

const Alphabet& byte_alphabet() {
  static const Alphabet instance;
  return instance;
}

}  // namespace

std::string bytes_to_byte_level(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    append_utf8(byte_alphabet().of_byte[static_cast<unsigned char>(byte)], out);
  }
  return out;
}

std::optional<std::string> byte_level_to_bytes(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Utf8Step step = decode_utf8(text);
    if (!step.valid || step.code_point >= byte_alphabet().byte_of.size()) return std::nullopt;
    const int16_t byte = byte_alphabet().byte_of[step.code_point];
    if (byte < 0) return std::nullopt;
    out.push_back(static_cast<char>(byte));
    text.remove_prefix(step.length);
  }
  return out;
}

}  // namespace amalgam::model
