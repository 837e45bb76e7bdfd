#include "sandbox/files/base64.h"

#include <sodium/utils.h>

namespace amalgam::sandbox {

constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;

std::string encode_base64(const std::string& bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), kVariant);
  text.pop_back();  // the 0 byte at its end
  return text;
}

bool decode_base64(const std::string& text, std::string* bytes) {
  bytes->resize(text.size() / 4 * 3);
  size_t size = 0;
  const bool is_valid =
      sodium_base642bin(reinterpret_cast<unsigned char*>(bytes->data()), bytes->size(), text.data(),
                        text.size(), nullptr, &size, nullptr, kVariant) == 0;
  bytes->resize(is_valid ? size : 0);
  return is_valid;
}

}  // namespace amalgam::sandbox
