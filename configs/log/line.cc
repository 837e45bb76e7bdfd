#include "configs/log/line.h"

#include <charconv>
#include <vector>

#include "configs/utf8.h"

namespace amalgam::log {
namespace {

constexpr char kMark = '\x1e';

std::string name_of(Part part) { return names_of(part)[static_cast<size_t>(part)]; }

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char ch : text) {  // without control characters
    if (ch == '"' || ch == '\\') out += '\\';
    out += ch;
  }
  return out + '"';
}

int64_t number_of(std::string_view text) {
  int64_t value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::string text_of(const Line& line) {
  std::string place = line.place.stage.empty() ? "-" : line.place.stage;
  if (line.place.step >= 0) place += " " + std::to_string(line.place.step);
  return "[" + line.process + "] [" + place + "] " + name_of(line.part) + ": " + line.text;
}

std::string json_of(const Line& line) {
  return "\"process\":" + quoted(line.process) + ",\"part\":\"" + name_of(line.part) +
         "\",\"stage\":" + quoted(line.place.stage) +
         ",\"step\":" + (line.place.step < 0 ? "null" : std::to_string(line.place.step)) +
         ",\"text\":" + quoted(line.text);
}

std::string relayed(const Line& line) {
  std::string text(1, kMark);
  for (const int number :
       {static_cast<int>(line.level), static_cast<int>(line.part), static_cast<int>(line.audience)})
    text += std::to_string(number) + '\t';
  return text + line.process + '\t' + line.place.stage + '\t' + std::to_string(line.place.step) +
         '\t' + line.text + '\n';
}

std::optional<Line> parse_relayed(std::string_view text) {
  if (text.empty() || text[0] != kMark) return std::nullopt;
  text.remove_prefix(1);
  std::vector<std::string_view> fields;
  while (fields.size() < 6) {
    const size_t tab = text.find('\t');
    if (tab == std::string_view::npos) return std::nullopt;
    fields.push_back(text.substr(0, tab));
    text.remove_prefix(tab + 1);
  }
  const int64_t level = number_of(fields[0]), part = number_of(fields[1]),
                audience = number_of(fields[2]);
  if (level < 0 || level > static_cast<int64_t>(Level::kCritical) || part < 0 ||
      part >= static_cast<int64_t>(kNumParts) || audience < 0 ||
      audience > static_cast<int64_t>(Audience::kPrinted))
    return std::nullopt;
  return Line{.level = static_cast<Level>(level),
              .part = static_cast<Part>(part),
              .audience = static_cast<Audience>(audience),
              .process = std::string(fields[3]),
              .place = {std::string(fields[4]), number_of(fields[5])},
              .text = std::string(text)};
}

std::string clean_text(std::string_view text) {
  std::string out;
  for (const char ch : shortened_utf8(replace_invalid_utf8(text), kMaxText)) {
    const auto byte = static_cast<unsigned char>(ch);
    constexpr char kHex[] = "0123456789abcdef";
    if (ch == '\t')
      out += ' ';
    else if (byte < 0x20 || byte == 0x7f)
      out += std::string("\\x") + kHex[byte >> 4] + kHex[byte & 15];
    else
      out += ch;
  }
  return shortened_utf8(out, kMaxText);
}

}  // namespace amalgam::log
