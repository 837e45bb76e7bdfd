// SHA-256 (FIPS 180-4): the names of layers and images. Content comes from hostile code, so a
// digest must not be forgeable.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace amalgam::sandbox {

class Sha256 {
 public:
  void update(std::string_view bytes);
  // The digest of everything so far as 64 hexadecimal digits; the object is spent.
  std::string hex();

 private:
  void compress(const uint8_t* block);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> buffer_ = {};
  uint64_t num_bytes_ = 0;
};

std::string sha256_hex(std::string_view bytes);

}  // namespace amalgam::sandbox
