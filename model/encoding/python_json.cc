#include "model/encoding/python_json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>

#include "configs/utf8.h"

namespace amalgam::model {
namespace {

constexpr int kMostNested = 500;  // hostile text must not exhaust the stack

// repr(float): the shortest digits that round-trip; exponent form below 1e-4 and from 1e16.
std::string python_float(double value) {
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<size_t>(end.ptr - buffer.data()));
  const size_t e = text.find('e');
  const std::string_view mantissa = text.substr(0, e);  // d or d.ddd, with sign
  const int exponent = std::stoi(std::string(text.substr(e + 1)));
  if (exponent < -4 || exponent >= 16) return std::string(text);
  const std::string sign = mantissa[0] == '-' ? "-" : "";
  std::string digits;
  for (const char c : mantissa) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  if (exponent < 0)
    return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

// Recursive descent over the grammar that Python's json.loads takes (RFC 8259, NaN and Infinity, no
// control characters in strings). Each function returns false at the first offence.
class Rewriter {
 public:
  explicit Rewriter(std::string_view text) : text_(text) {}

  bool value(std::string& out) {
    if (++nested_ > kMostNested || at_ == text_.size()) return false;
    const bool ok = value_here(out);
    --nested_;
    return ok;
  }

  bool string(std::string& out) {
    if (!take("\"")) return false;
    for (;;) {
      if (at_ == text_.size()) return false;
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        out.push_back(c);
      } else if (!escape(out)) {
        return false;
      }
    }
  }

  bool members(std::vector<JsonMember>& out) {
    if (!take("{")) return false;
    skip_space();
    if (take("}")) return true;
    std::map<std::string, size_t> place;
    do {
      JsonMember member;
      skip_space();
      if (!string(member.key)) return false;
      skip_space();
      if (!take(":")) return false;
      skip_space();
      member.is_string = peek() == '"';
      if (!(member.is_string ? string(member.value) : value(member.value))) return false;
      const auto [found, is_new] = place.emplace(member.key, out.size());
      if (is_new) out.emplace_back();
      out[found->second] = std::move(member);
      skip_space();
    } while (take(","));
    return take("}");
  }

  bool elements(std::vector<std::string>& out) {
    if (!take("[")) return false;
    skip_space();
    if (take("]")) return true;
    do {
      skip_space();
      if (!value(out.emplace_back())) return false;
      skip_space();
    } while (take(","));
    return take("]");
  }

  void skip_space() {
    while (at_ < text_.size() &&
           std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(std::string_view word) {
    if (text_.compare(at_, word.size(), word) != 0) return false;
    at_ += word.size();
    return true;
  }

  bool value_here(std::string& out) {
    switch (peek()) {
      case '"': {
        std::string text;
        if (!string(text)) return false;
        out += python_json_string(text);
        return true;
      }
      case '{': {
        std::vector<JsonMember> list;
        if (!members(list)) return false;
        const char* separator = "{";
        for (const JsonMember& member : list) {
          out += separator + python_json_string(member.key) + ": " +
                 (member.is_string ? python_json_string(member.value) : member.value);
          separator = ", ";
        }
        out += list.empty() ? "{}" : "}";
        return true;
      }
      case '[': {
        std::vector<std::string> list;
        if (!elements(list)) return false;
        const char* separator = "[";
        for (const std::string& element : list) {
          out += separator + element;
          separator = ", ";
        }
        out += list.empty() ? "[]" : "]";
        return true;
      }
      default:
        for (const char* word : {"true", "false", "null", "NaN", "Infinity", "-Infinity"}) {
          if (take(word)) {
            out += word;
            return true;
          }
        }
        return number(out);
    }
  }

  bool digits() {
    const size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > begin;
  }

  bool number(std::string& out) {
    const size_t begin = at_;
    const bool negative = take("-");
    if (!take("0") && !digits()) return false;
    bool is_integer = true;
    // As in Python, "1." and "1e" are the integer 1 and a rest that is an offence elsewhere.
    const auto optional_part = [&](const auto& prefix) {
      const size_t before = at_;
      if (prefix() && digits()) {
        is_integer = false;
      } else {
        at_ = before;
      }
    };
    optional_part([&] { return take("."); });
    optional_part([&] {
      if (!take("e") && !take("E")) return false;
      if (!take("+")) take("-");
      return true;
    });
    const std::string_view text = text_.substr(begin, at_ - begin);
    if (is_integer) {
      out += text == "-0" ? "0" : text;
      return true;
    }
    double parsed = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (result.ec == std::errc::result_out_of_range) {
      // from_chars leaves the value alone: too large is infinite, too small is zero.
      const size_t e = text.find_first_of("eE");
      const bool tiny = e != std::string_view::npos && text[e + 1] == '-';
      parsed = (tiny ? 0.0 : HUGE_VAL) * (negative ? -1 : 1);
    }
    out += python_float(parsed);
    return true;
  }

  bool hex4(char32_t& unit) {
    if (at_ + 4 > text_.size()) return false;
    uint32_t parsed = 0;
    const char* begin = text_.data() + at_;
    const auto result = std::from_chars(begin, begin + 4, parsed, 16);
    if (result.ptr != begin + 4) return false;
    at_ += 4;
    unit = parsed;
    return true;
  }

  bool escape(std::string& out) {
    if (at_ == text_.size()) return false;
    const char c = text_[at_++];
    constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
      out.push_back(kTo[i]);
      return true;
    }
    char32_t unit = 0;
    if (c != 'u' || !hex4(unit)) return false;
    if (unit >= 0xD800 && unit < 0xDC00) {
      const size_t before = at_;
      char32_t low = 0;
      if (take("\\u") && hex4(low) && low >= 0xDC00 && low < 0xE000) {
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
      } else {
        at_ = before;
      }
    }
    // A lone surrogate has no UTF-8 form.
    append_utf8(unit >= 0xD800 && unit < 0xE000 ? char32_t{0xFFFD} : unit, out);
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  int nested_ = 0;
};

}  // namespace

std::string python_json_string(std::string_view text) {
  const std::string valid = replace_invalid_utf8(text);
  constexpr const char* kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : valid) {
    const auto byte = static_cast<unsigned char>(c);
    constexpr std::string_view kFrom = "\"\\\b\f\n\r\t", kTo = "\"\\bfnrt";
    if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
      out += {'\\', kTo[i]};
    } else if (byte < 0x20) {
      out += {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

std::optional<std::string> python_json(std::string_view text) {
  Rewriter rewriter(text);
  rewriter.skip_space();
  std::string out;
  if (!rewriter.value(out) || !rewriter.at_end()) return std::nullopt;
  return out;
}

std::optional<std::vector<JsonMember>> python_json_members(std::string_view text) {
  Rewriter rewriter(text);
  rewriter.skip_space();
  std::vector<JsonMember> out;
  if (!rewriter.members(out) || !rewriter.at_end()) return std::nullopt;
  return out;
}

std::optional<std::vector<std::string>> python_json_elements(std::string_view text) {
  Rewriter rewriter(text);
  rewriter.skip_space();
  std::vector<std::string> out;
  if (!rewriter.elements(out) || !rewriter.at_end()) return std::nullopt;
  return out;
}

}  // namespace amalgam::model
