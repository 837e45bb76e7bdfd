#include "rewards/code/packed_tests.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "sandbox/files/base64.h"

namespace amalgam::rewards {
namespace {

constexpr size_t kChunk = size_t{1} << 20;

std::optional<std::string> inflate_all(std::string_view bytes) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int status = Z_OK;
  while (status == Z_OK && out.size() <= kMaxUnpackedBytes) {
    const size_t size = out.size();
    out.resize(size + std::max(kChunk, size / 2));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + size);
    stream.avail_out = static_cast<uInt>(out.size() - size);
    status = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || out.size() > kMaxUnpackedBytes) return std::nullopt;
  return out;
}

// Opcodes of Python's pickletools that a pickled text has, of all protocols.
std::optional<std::string> pickled_text(std::string_view bytes) {
  std::optional<std::string> text;
  size_t at = 0;
  const auto little_endian = [&](size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size && at + i < bytes.size(); ++i)
      value |= uint64_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
    at += size;
    return value;
  };
  while (at < bytes.size()) {
    const char op = bytes[at++];
    size_t size_bytes = 0;
    switch (op) {
      case '\x80':  // PROTO
      case 'q':     // BINPUT
        at += 1;
        continue;
      case 'r':  // LONG_BINPUT
        at += 4;
        continue;
      case '\x95':  // FRAME
        at += 8;
        continue;
      case '\x94':  // MEMOIZE
        continue;
      case '\x8c':  // SHORT_BINUNICODE
        size_bytes = 1;
        break;
      case 'X':  // BINUNICODE
        size_bytes = 4;
        break;
      case '\x8d':  // BINUNICODE8
        size_bytes = 8;
        break;
      case '.':  // STOP
        return at == bytes.size() ? text : std::nullopt;
      default:
        return std::nullopt;
    }
    const uint64_t size = little_endian(size_bytes);
    if (text || at > bytes.size() || size > bytes.size() - at) return std::nullopt;
    text = bytes.substr(at, size);
    at += size;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> unpack_tests(const std::string& packed) {
  std::string bytes;
  std::string text;  // some writers break it into lines
  for (const char c : packed)
    if (c != '\n' && c != '\r' && c != ' ') text += c;
  if (text.empty() || !sandbox::decode_base64(text, &bytes)) return std::nullopt;
  const auto unpacked = inflate_all(bytes);
  if (!unpacked) return std::nullopt;
  if (auto inner = pickled_text(*unpacked)) return inner;
  // Some have the JSON without the pickle.
  const size_t first = unpacked->find_first_not_of(" \n\r\t");
  if (first != std::string::npos && ((*unpacked)[first] == '[' || (*unpacked)[first] == '{'))
    return unpacked;
  return std::nullopt;
}

}  // namespace amalgam::rewards
