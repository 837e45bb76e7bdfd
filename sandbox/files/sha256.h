// SHA-256 of pieces, as 64 hexadecimal digits: the names of layers and images. Content comes from
// hostile code, so a digest must not be forgeable.
#pragma once
#include <sodium/crypto_hash_sha256.h>

#include <string>
#include <string_view>

namespace amalgam::sandbox {

class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  // The digest of everything so far; the object is spent.
  std::string hex();

 private:
  crypto_hash_sha256_state state_;
};

std::string sha256_hex(std::string_view bytes);

}  // namespace amalgam::sandbox
