#include "rewards/instruct/python_literal.h"

#include <algorithm>

#include "rewards/text/chars.h"

namespace amalgam::rewards {
namespace {

constexpr int kDeepest = 64;

// Writes the JSON of what it reads; a function that gives false stood at something else.
class PythonLiteral {
 public:
  explicit PythonLiteral(std::string_view text) : rest_(text) {}

  bool value(int depth = 0) {
    spaces();
    if (rest_.empty() || depth > kDeepest) return false;
    const char c = rest_.front();
    if (c == '[') return sequence(']', depth);
    if (c == '(') return sequence(')', depth);
    if (c == '{') return dict(depth);
    if (c == '\'' || c == '"') return string();
    return word("True", "true") || word("False", "false") || word("None", "null") || number();
  }
  bool at_end() {
    spaces();
    return rest_.empty();
  }
  std::string json() && { return std::move(json_); }

 private:
  void spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n\r"), rest_.size())); }
  bool take(char c) {
    spaces();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool word(std::string_view python, std::string_view json) {
    if (!rest_.starts_with(python)) return false;
    rest_.remove_prefix(python.size());
    json_ += json;
    return true;
  }

  // item(): one of those that commas separate, the last of which may have one behind it.
  template <typename Item>
  bool items(char close, Item item) {
    rest_.remove_prefix(1);
    for (bool first = true; !take(close); first = false) {
      if (!first && !take(',')) return false;
      if (!first && take(close)) return true;
      if (!first) json_ += ',';
      if (!item()) return false;
    }
    return true;
  }
  bool sequence(char close, int depth) {
    json_ += '[';
    if (!items(close, [&] { return value(depth + 1); })) return false;
    json_ += ']';
    return true;
  }
  bool dict(int depth) {
    json_ += '{';
    const auto entry = [&] {
      spaces();
      if (!string() || !take(':')) return false;
      json_ += ':';
      return value(depth + 1);
    };
    if (!items('}', entry)) return false;
    json_ += '}';
    return true;
  }

  bool number() {
    const size_t size = std::min(rest_.find_first_not_of("+-.0123456789eE"), rest_.size());
    json_ += rest_.substr(0, size);  // what is no number is no JSON either
    rest_.remove_prefix(size);
    return size > 0;
  }

  void put(char c) {
    constexpr char kHex[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      json_ += '\\';
      json_ += c;
    } else if (byte < 0x20) {
      json_ += "\\u00";
      json_ += kHex[byte >> 4];
      json_ += kHex[byte & 15];
    } else {
      json_ += c;
    }
  }
  bool string() {
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) return false;
    const char quote = rest_[0];
    rest_.remove_prefix(1);
    json_ += '"';
    while (!rest_.empty()) {
      const char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == quote) {
        json_ += '"';
        return true;
      }
      if (c != '\\') {
        put(c);
      } else if (!escape()) {
        return false;
      }
    }
    return false;
  }
  bool escape() {
    if (rest_.empty()) return false;
    const char c = rest_[0];
    rest_.remove_prefix(1);
    const size_t hex = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (hex > 0) return character(hex);
    const std::string_view names = "ntrbfav'\"\\", values = "\n\t\r\b\f\a\v'\"\\";
    if (c == '\n') return true;  // a line that goes on
    const size_t known = names.find(c);
    if (known == std::string_view::npos) put('\\');
    put(known == std::string_view::npos ? c : values[known]);
    return true;
  }
  bool character(size_t digits) {
    if (rest_.size() < digits) return false;
    char32_t code = 0;
    for (size_t i = 0; i < digits; ++i) {
      const size_t value =
          std::string_view("0123456789abcdef").find(static_cast<char>(rest_[i] | 0x20));
      if (value == std::string_view::npos || rest_[i] < '0') return false;
      code = code << 4 | static_cast<char32_t>(value);
    }
    rest_.remove_prefix(digits);
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) code = 0xFFFD;
    for (const char byte : encoded(Chars(&code, 1))) put(byte);
    return true;
  }

  std::string_view rest_;
  std::string json_;
};

}  // namespace

std::optional<std::string> json_of_python(std::string_view literal) {
  PythonLiteral reader(literal);
  if (!reader.value() || !reader.at_end()) return std::nullopt;
  return std::move(reader).json();
}

}  // namespace amalgam::rewards
