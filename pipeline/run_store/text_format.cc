#include "pipeline/run_store/text_format.h"

#include <spdlog/fmt/fmt.h>

#include <array>
#include <cmath>

#include "configs/utf8.h"

namespace amalgam::pipeline {
namespace {

constexpr const char* kNone = "–";

// Zero-width, bidirectional controls, line separators, byte order mark, tags, C1 controls.
bool hides_or_reorders(uint32_t c) {
  return (c >= 0x80 && c < 0xa0) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
         (c >= 0xe0000 && c < 0xe0080);
}

void append_visible(std::string* out, std::string_view bytes, uint32_t code) {
  if (code == '\n' || code == '\t')
    *out += static_cast<char>(code);
  else if (code == 0x7f)
    *out += "␡";
  else if (code < 0x20)  // U+2400 + code, "control pictures"
    *out += {'\xe2', '\x90', static_cast<char>(0x80 + code)};
  else if (hides_or_reorders(code))
    *out += fmt::format("⟨U+{:04X}⟩", code);
  else
    *out += bytes;
}

void append_html(std::string* out, std::string_view bytes, uint32_t code) {
  switch (code) {
    case '&':
      *out += "&amp;";
      return;
    case '<':
      *out += "&lt;";
      return;
    case '>':
      *out += "&gt;";
      return;
    case '"':
      *out += "&quot;";
      return;
    case '\'':
      *out += "&#39;";
      return;
    default:
      append_visible(out, bytes, code);
  }
}

std::string by_character(std::string_view text,
                         void (*append)(std::string*, std::string_view, uint32_t)) {
  std::string out;
  while (!text.empty()) {
    const Utf8Step step = decode_utf8(text);
    const size_t length = step.valid ? step.length : 1;
    if (step.valid)
      append(&out, text.substr(0, length), step.code_point);
    else
      out += fmt::format("\\x{:02X}", static_cast<uint8_t>(text[0]));
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace

std::string escape_html(std::string_view text) { return by_character(text, append_html); }
std::string terminal_text(std::string_view text) { return by_character(text, append_visible); }

std::string format_score(const Score& s) {
  if (std::isnan(s.mean)) return kNone;
  const double scale = s.is_share ? 100 : 1;
  const int digits = s.is_share ? 1 : 3;
  std::string text = fmt::format("{:.{}f}", scale * s.mean, digits);
  if (!std::isnan(s.standard_error))
    text += fmt::format(" ± {:.{}f}", scale * s.standard_error, digits);
  return s.is_share ? text + " %" : text;
}

std::string format_number(double value) {
  return std::isnan(value) ? kNone : fmt::format("{:.4g}", value);
}

std::string format_count(double value) {
  if (std::isnan(value)) return kNone;
  std::string digits = fmt::format("{:.0f}", value);
  const size_t first = digits[0] == '-' ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string format_duration(double seconds) {
  if (std::isnan(seconds)) return kNone;
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto s = static_cast<int64_t>(std::llround(seconds));
  if (s < 3600) return fmt::format("{} min {:02d} s", s / 60, s % 60);
  return fmt::format("{} h {:02d} min", s / 3600, s % 3600 / 60);
}

std::string format_bytes(double bytes) {
  if (std::isnan(bytes)) return kNone;
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kUnits[unit]);
}

std::string format_si(double value) {
  if (std::isnan(value)) return kNone;
  constexpr std::array<const char*, 9> kPrefixes = {"",   " k", " M", " G", " T",
                                                    " P", " E", " Z", " Y"};
  size_t prefix = 0;
  // From 999.95 on four digits would read 1000.
  for (; std::abs(value) >= 999.95 && prefix + 1 < kPrefixes.size(); ++prefix) value /= 1000;
  return fmt::format("{:.4g}{}", value, kPrefixes[prefix]);
}

}  // namespace amalgam::pipeline
