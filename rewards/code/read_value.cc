// The readers of values: JSON and Python's literals by one reader, and the border's form.
#include <charconv>
#include <limits>

#include "rewards/code/value.h"

namespace amalgam::rewards {
namespace {

using Kind = Value::Kind;

constexpr int kMaxDepth = 400;
// Of what an answer returned: each takes tens of bytes here and may have taken one there.
constexpr int kMaxBorderValues = 1'000'000;

enum class Syntax { kJson, kPython };

void append_utf8(uint32_t c, std::string* out) {
  if (c < 0x80) {
    *out += static_cast<char>(c);
  } else if (c < 0x800) {
    *out += static_cast<char>(0xc0 | c >> 6);
    *out += static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    *out += static_cast<char>(0xe0 | c >> 12);
    *out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    *out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    *out += static_cast<char>(0xf0 | c >> 18);
    *out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    *out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    *out += static_cast<char>(0x80 | (c & 0x3f));
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

double to_double(std::string_view text) {
  double number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end.ec == std::errc::result_out_of_range && number == 0) {
    // Too large or too small; from_chars does not say which.
    const size_t e = text.find_first_of("eE");
    const bool is_tiny = e != std::string_view::npos && e + 1 < text.size() && text[e + 1] == '-';
    if (!is_tiny) number = std::numeric_limits<double>::infinity();
    if (text[0] == '-') number = -number;
  }
  return number;
}

class Reader {
 public:
  Reader(std::string_view text, Syntax syntax)
      : text_(text), is_python_(syntax == Syntax::kPython) {}

  std::optional<Value> read() {
    Value value;
    if (!get(&value, 0)) return std::nullopt;
    skip_blanks();
    if (at_ != text_.size()) return std::nullopt;
    return value;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  bool take_mark(char c) {
    skip_blanks();
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  bool get(Value* v, int depth) {
    if (depth > kMaxDepth) return false;
    skip_blanks();
    const char c = peek();
    if (c == '"' || (is_python_ && c == '\'')) return get_text(v);
    if (c == '[') return get_list(v, ']', Kind::kList, depth);
    if (is_python_ && c == '(') return get_list(v, ')', Kind::kTuple, depth);
    if (c == '{') return get_dict(v, depth);
    if (is_digit(c) || c == '-' || (is_python_ && (c == '.' || c == '+'))) return get_number(v);
    return get_word(v);
  }

  bool get_word(Value* v) {
    const auto number = [v](double n) {
      v->kind = Kind::kFloat;
      v->number = n;
      return true;
    };
    if (take("NaN")) return number(std::numeric_limits<double>::quiet_NaN());
    if (take("Infinity")) return number(std::numeric_limits<double>::infinity());
    if (take("null") || (is_python_ && take("None"))) {
      v->kind = Kind::kNull;
      return true;
    }
    const bool is_true = take("true") || (is_python_ && take("True"));
    if (!is_true && !take("false") && !(is_python_ && take("False"))) return false;
    v->kind = Kind::kBool;
    v->truth = is_true;
    return true;
  }

  bool get_number(Value* v) {
    const size_t begin = at_;
    bool is_integer = true;
    if (peek() == '-' || peek() == '+') ++at_;
    if (take("Infinity")) {
      v->kind = Kind::kFloat;
      v->number = -std::numeric_limits<double>::infinity();
      return text_[begin] == '-';
    }
    const size_t digits = at_;
    while (is_digit(peek())) ++at_;
    const size_t num_digits = at_ - digits;
    if (peek() == '.') {
      is_integer = false;
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    if (num_digits == 0 && at_ - digits < 2) return false;
    if (peek() == 'e' || peek() == 'E') {
      is_integer = false;
      ++at_;
      if (peek() == '-' || peek() == '+') ++at_;
      if (!is_digit(peek())) return false;
      while (is_digit(peek())) ++at_;
    }
    const bool is_negative = text_[begin] == '-';
    if (!is_integer) {
      v->kind = Kind::kFloat;
      v->number = to_double(text_.substr(digits, at_ - digits));
      if (is_negative) v->number = -v->number;
      return true;
    }
    std::string_view integer = text_.substr(digits, num_digits);
    if (integer.size() > 1 && integer[0] == '0') return false;
    v->kind = Kind::kInt;
    v->text = (is_negative && integer != "0" ? "-" : "") + std::string(integer);
    return true;
  }

  bool get_hex(int num_digits, uint32_t* c) {
    if (text_.size() - at_ < static_cast<size_t>(num_digits)) return false;
    const char* const end = text_.data() + at_ + num_digits;
    const auto parsed = std::from_chars(text_.data() + at_, end, *c, 16);
    at_ += static_cast<size_t>(num_digits);
    return parsed.ec == std::errc() && parsed.ptr == end;
  }

  bool get_escape(std::string* out) {
    const char c = peek();
    ++at_;
    uint32_t code = 0;
    switch (c) {
      case 'n':
        *out += '\n';
        return true;
      case 't':
        *out += '\t';
        return true;
      case 'r':
        *out += '\r';
        return true;
      case 'b':
        *out += '\b';
        return true;
      case 'f':
        *out += '\f';
        return true;
      case '"':
      case '\\':
        *out += c;
        return true;
      case '/':
        if (is_python_) *out += '\\';
        *out += c;
        return true;
      case '\'':
        *out += c;
        return is_python_;
      case 'x':
        if (!is_python_ || !get_hex(2, &code)) return false;
        append_utf8(code, out);
        return true;
      case 'u':
        break;
      default:
        return false;
    }
    if (!get_hex(4, &code)) return false;
    if (code >= 0xd800 && code < 0xdc00 && take("\\u")) {
      uint32_t low = 0;
      if (!get_hex(4, &low)) return false;
      if (low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      } else {
        append_utf8(code, out);
        code = low;
      }
    }
    append_utf8(code, out);
    return true;
  }

  bool get_text(Value* v) {
    v->kind = Kind::kText;
    const char quote = text_[at_++];
    for (;;) {
      size_t end = at_;
      while (end < text_.size() && text_[end] != quote && text_[end] != '\\') ++end;
      if (end == text_.size()) return false;
      v->text.append(text_, at_, end - at_);
      at_ = end + 1;
      if (text_[end] == quote) return true;
      if (at_ == text_.size() || !get_escape(&v->text)) return false;
    }
  }

  bool get_list(Value* v, char close, Kind kind, int depth) {
    ++at_;
    v->kind = kind;
    bool has_comma = true;
    while (!take_mark(close)) {
      if (!has_comma) return false;
      v->items.emplace_back();
      if (!get(&v->items.back(), depth + 1)) return false;
      has_comma = take_mark(',');
      if (has_comma && !is_python_ && (skip_blanks(), peek() == close)) return false;
      // (1) is a number in parentheses.
      if (!has_comma && kind == Kind::kTuple && v->items.size() == 1) {
        if (!take_mark(close)) return false;
        Value inner = std::move(v->items[0]);
        *v = std::move(inner);
        return true;
      }
    }
    return true;
  }

  bool get_dict(Value* v, int depth) {
    ++at_;
    v->kind = Kind::kDict;
    bool has_comma = true;
    while (!take_mark('}')) {
      if (!has_comma) return false;
      v->items.resize(v->items.size() + 2);
      Value* const key = &v->items[v->items.size() - 2];
      if (!get(key, depth + 1) || (!is_python_ && !key->is(Kind::kText)) || !take_mark(':') ||
          !get(&v->items.back(), depth + 1))
        return false;
      has_comma = take_mark(',');
      if (has_comma && !is_python_ && (skip_blanks(), peek() == '}')) return false;
    }
    return true;
  }

  const std::string_view text_;
  const bool is_python_;
  size_t at_ = 0;
};

// kBorderText in border_text.cc says the form.
class BorderReader {
 public:
  explicit BorderReader(std::string_view bytes) : bytes_(bytes) {}

  std::optional<Value> read() {
    Value value;
    if (!get(&value, 0) || at_ != bytes_.size()) return std::nullopt;
    return value;
  }

 private:
  std::optional<std::string_view> until(char mark) {
    const size_t end = bytes_.find(mark, at_);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view text = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return text;
  }
  bool get_size(size_t* size) {
    const auto text = until(':');
    if (!text) return false;
    const auto parsed = std::from_chars(text->data(), text->data() + text->size(), *size);
    // Whatever is counted takes a byte at least.
    return parsed.ec == std::errc() && parsed.ptr == text->data() + text->size() &&
           *size <= bytes_.size() - at_;
  }
  bool get_items(size_t count, Value* v, int depth) {
    for (size_t i = 0; i < count; ++i) {
      v->items.emplace_back();
      if (!get(&v->items.back(), depth + 1)) return false;
    }
    return true;
  }
  // What equals nothing that JSON can say.
  bool get_other(size_t count, Value* v, int depth) {
    const bool is_read = get_items(count, v, depth);
    v->kind = Kind::kOther;
    v->items.clear();
    return is_read;
  }

  bool get_int(Value* v) {
    const auto text = until(';');
    if (!text || text->empty()) return false;
    const std::string_view digits = text->substr((*text)[0] == '-' ? 1 : 0);
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos ||
        (digits[0] == '0' && text->size() > 1))
      return false;
    v->kind = Kind::kInt;
    v->text = *text;
    return true;
  }

  bool get_float(Value* v) {
    const auto text = until(';');
    if (!text) return false;
    v->kind = Kind::kFloat;
    const auto end =
        std::from_chars(text->data(), text->data() + text->size(), v->number);  // also inf, nan
    return end.ec == std::errc() && end.ptr == text->data() + text->size();
  }

  bool get(Value* v, int depth) {
    if (depth > kMaxDepth || at_ >= bytes_.size() || ++num_values_ > kMaxBorderValues) return false;
    const char letter = bytes_[at_++];
    size_t size = 0;
    switch (letter) {
      case 'n':
        return true;
      case 't':
      case 'f':
        v->kind = Kind::kBool;
        v->truth = letter == 't';
        return true;
      case 'i':
        return get_int(v);
      case 'd':
        return get_float(v);
      case 's':
      case 'b':
      case 'a':
        if (!get_size(&size)) return false;
        v->kind = letter == 's' ? Kind::kText : Kind::kBytes;
        v->text = bytes_.substr(at_, size);
        at_ += size;
        return true;
      case 'l':
      case 'u':
        v->kind = letter == 'u' ? Kind::kTuple : Kind::kList;
        return get_size(&size) && get_items(size, v, depth);
      case 'm':
      case 'O':
      case 'C':
        v->kind = Kind::kDict;
        return get_size(&size) && get_items(2 * size, v, depth);
      case 'N': {  // a named tuple is a tuple
        Value ignored;
        return get(&ignored, depth + 1) && get(&ignored, depth + 1) && get(v, depth + 1);
      }
      case 'e':
      case 'z':
      case 'q':
        return get_size(&size) && get_other(size, v, depth);
      case 'c':
      case 'x':
        return get_other(2, v, depth);
      case 'r':
        return until(';') && get_other(1, v, depth);
      default:
        return false;
    }
  }

  const std::string_view bytes_;
  size_t at_ = 0;
  int num_values_ = 0;
};

}  // namespace

std::optional<Value> read_json(std::string_view text) { return Reader(text, Syntax::kJson).read(); }

Value read_expected(std::string_view text) {
  if (auto value = read_json(text)) return *std::move(value);
  if (auto value = Reader(text, Syntax::kPython).read()) return *std::move(value);
  Value value;
  value.kind = Value::Kind::kText;
  value.text = text;
  return value;
}

std::optional<Value> read_border(std::string_view bytes) { return BorderReader(bytes).read(); }

}  // namespace amalgam::rewards
