#include "rewards/code/request.h"

#include <charconv>
#include <cstdio>

namespace amalgam::rewards {
namespace {

bool take_number(std::string_view* text, char mark, size_t* number) {
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), *number);
  const auto length = static_cast<size_t>(parsed.ptr - text->data());
  if (parsed.ec != std::errc() || length >= text->size() || (*text)[length] != mark) return false;
  text->remove_prefix(length + 1);
  return true;
}

// The length of the UTF-8 sequence at the begin of text; 0: there is none.
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned first = byte(0);
  const size_t length = first < 0x80   ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
      (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f))
    return 0;
  return length;
}

}  // namespace

std::string write_request(const Request& request) {
  std::string line = std::to_string(request.cpu_seconds) + " " +
                     std::to_string(request.wall_seconds) + " " +
                     std::to_string(request.output_bytes) + " " + std::to_string(request.option);
  size_t size = 0;
  for (const std::string_view blob : request.blobs) {
    line += " " + std::to_string(blob.size());
    size += blob.size();
  }
  char length[9];
  std::snprintf(length, sizeof length, "%08zx", line.size());
  std::string text;
  text.reserve(8 + line.size() + size);
  text += length;
  text += line;
  for (const std::string_view blob : request.blobs) text += blob;
  return text;
}

std::optional<Frame> next_frame(std::string_view* rest) {
  std::string_view text = *rest;
  Frame frame;
  size_t size = 0;
  if (!take_number(&text, ' ', &frame.number)) return std::nullopt;
  const size_t end = text.find(' ');
  if (end == std::string_view::npos) return std::nullopt;
  frame.status = text.substr(0, end);
  text.remove_prefix(end + 1);
  if (!take_number(&text, '\n', &size) || size > text.size()) return std::nullopt;
  frame.data = text.substr(0, size);
  *rest = text.substr(size);
  return frame;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t length = sequence_length(text.substr(at));
    if (length == 0) out += "\xef\xbf\xbd";
    out += text.substr(at, length);
    at += length == 0 ? 1 : length;
  }
  return out;
}

}  // namespace amalgam::rewards
