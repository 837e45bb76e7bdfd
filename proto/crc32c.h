// CRC-32C (Castagnoli, reflected), as in iSCSI, and the masked form of TFRecord files.
#pragma once
#include <nmmintrin.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace amalgam::proto {

inline uint32_t crc32c(std::string_view bytes) {
  uint64_t crc = 0xffffffff;
  while (bytes.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    crc = _mm_crc32_u64(crc, word);
    bytes.remove_prefix(8);
  }
  auto tail = static_cast<uint32_t>(crc);
  for (const char c : bytes) tail = _mm_crc32_u8(tail, static_cast<uint8_t>(c));
  return ~tail;
}

// A CRC of data that itself holds CRCs is weak; TFRecord therefore stores them rotated and shifted.
inline uint32_t masked_crc32c(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

}  // namespace amalgam::proto
