#include "pipeline/data/forms/value.h"

#include <charconv>

namespace amalgam::pipeline {
namespace {

void write_string(std::string_view text, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  *out += '"';
  for (const char c : text) switch (c) {
      case '"':
        *out += "\\\"";
        break;
      case '\\':
        *out += "\\\\";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\t':
        *out += "\\t";
        break;
      case '\b':
        *out += "\\b";
        break;
      case '\f':
        *out += "\\f";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          *out += "\\u00";
          *out += kHex[c >> 4];
          *out += kHex[c & 15];
        } else {
          *out += c;
        }
    }
  *out += '"';
}

template <class T>
void write_number(T number, std::string* out) {
  char text[40];
  const std::string_view written(text, std::to_chars(text, text + sizeof text, number).ptr - text);
  *out += written;
  if (std::is_floating_point_v<T> && written.find_first_of(".e") == written.npos) *out += ".0";
}

struct Writer {
  std::string* out;

  void operator()(std::monostate) const { *out += "null"; }
  void operator()(bool b) const { *out += b ? "true" : "false"; }
  template <class T>
  requires std::is_arithmetic_v<T>
  void operator()(T number) const { write_number(number, out); }
  void operator()(const std::string& text) const { write_string(text, out); }
  void operator()(const Value::Array& array) const {
    *out += '[';
    for (size_t i = 0; i < array.size(); ++i) {
      if (i > 0) *out += ',';
      *out += array[i].dump();
    }
    *out += ']';
  }
  void operator()(const Value::Object& object) const {
    *out += '{';
    for (size_t i = 0; i < object.size(); ++i) {
      if (i > 0) *out += ',';
      write_string(object[i].key, out);
      *out += ':';
      *out += object[i].value.dump();
    }
    *out += '}';
  }
};

}  // namespace

Value::Value() = default;
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;
Value::Value(bool b) : data_(b) {}
Value::Value(int64_t number) : data_(number) {}
Value::Value(uint64_t number) : data_(number) {}
Value::Value(double number) : data_(number) {}
Value::Value(std::string text) : data_(std::move(text)) {}
Value::Value(std::string_view text) : data_(std::string(text)) {}
Value::Value(const char* text) : data_(std::string(text)) {}
Value::Value(Array array) : data_(std::move(array)) {}
Value::Value(Object object) : data_(std::move(object)) {}

bool Value::is_empty() const {
  return (is_string() && text().empty()) || (is_array() && array().empty()) ||
         (is_object() && object().empty());
}

double Value::number() const {
  if (const auto* i = std::get_if<int64_t>(&data_)) return static_cast<double>(*i);
  if (const auto* u = std::get_if<uint64_t>(&data_)) return static_cast<double>(*u);
  return std::get<double>(data_);
}

const Value* Value::find(std::string_view key) const {
  if (!is_object()) return nullptr;
  for (const Member& member : object())
    if (member.key == key) return member.value.is_null() ? nullptr : &member.value;
  return nullptr;
}

void Value::add(std::string key, Value value) {
  object().push_back({std::move(key), std::move(value)});
}

std::string Value::dump() const {
  std::string out;
  std::visit(Writer{&out}, data_);
  return out;
}

std::string quoted_json(std::string_view text) {
  std::string out;
  write_string(text, &out);
  return out;
}

}  // namespace amalgam::pipeline
