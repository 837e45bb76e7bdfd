#include "rewards/code/value.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

namespace amalgam::rewards {
namespace {

using Kind = Value::Kind;

// The integer that a number is, in decimal; empty: it is none.
std::string integer_text(const Value& v) {
  if (v.kind == Kind::kBool) return v.truth ? "1" : "0";
  if (v.kind == Kind::kInt) return v.text;
  if (v.kind != Kind::kFloat || !std::isfinite(v.number) || v.number != std::floor(v.number))
    return {};
  char digits[400];  // of the largest double: 309
  std::snprintf(digits, sizeof digits, "%.0f", v.number);
  return std::string(digits) == "-0" ? "0" : digits;
}

bool is_number(const Value& v) {
  return v.kind == Kind::kBool || v.kind == Kind::kInt || v.kind == Kind::kFloat;
}

bool equal_numbers(const Value& a, const Value& b) {
  if (a.kind == Kind::kFloat && b.kind == Kind::kFloat) return a.number == b.number;
  const std::string text = integer_text(a);
  return !text.empty() && text == integer_text(b);
}

// A key as JSON would have it; nothing for what JSON cannot.
std::optional<std::string> key_text(const Value& key) {
  if (key.kind == Kind::kText) return key.text;
  if (key.kind == Kind::kNull) return "null";
  if (key.kind == Kind::kBool) return key.truth ? "true" : "false";
  if (!is_number(key)) return std::nullopt;
  const std::string integer = integer_text(key);
  return integer.empty() ? write_json(key) : integer;
}

bool equal_dicts(const Value& a, const Value& b) {
  if (a.items.size() != b.items.size()) return false;
  std::map<std::string, const Value*> entries;
  for (size_t i = 0; i < a.items.size(); i += 2) {
    const auto key = key_text(a.items[i]);
    if (!key) return false;
    entries[*key] = &a.items[i + 1];
  }
  if (2 * entries.size() != a.items.size()) return false;  // a key twice
  for (size_t i = 0; i < b.items.size(); i += 2) {
    const auto key = key_text(b.items[i]);
    const auto entry = key ? entries.find(*key) : entries.end();
    if (entry == entries.end() || !equal(*entry->second, b.items[i + 1])) return false;
    entries.erase(entry);
  }
  return true;
}

void write(const Value& v, std::string* out);

void write_text(const std::string& text, std::string* out) {
  *out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') *out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      *out += escape;
    } else {
      *out += c;
    }
  }
  *out += '"';
}

void write_number(double number, std::string* out) {
  if (std::isnan(number)) {
    *out += "NaN";
  } else if (std::isinf(number)) {
    *out += number < 0 ? "-Infinity" : "Infinity";
  } else {
    char digits[40];
    std::snprintf(digits, sizeof digits, "%.17g", number);
    *out += digits;
    if (std::string_view(digits).find_first_of(".e") == std::string_view::npos) *out += ".0";
  }
}

void write(const Value& v, std::string* out) {
  switch (v.kind) {
    case Kind::kNull:
    case Kind::kOther:
      *out += "null";
      return;
    case Kind::kBool:
      *out += v.truth ? "true" : "false";
      return;
    case Kind::kInt:
      *out += v.text;
      return;
    case Kind::kFloat:
      return write_number(v.number, out);
    case Kind::kText:
    case Kind::kBytes:
      return write_text(v.text, out);
    case Kind::kList:
    case Kind::kTuple:
      *out += '[';
      for (const Value& item : v.items) {
        if (&item != v.items.data()) *out += ", ";
        write(item, out);
      }
      *out += ']';
      return;
    case Kind::kDict:
      *out += '{';
      for (size_t i = 0; i + 1 < v.items.size(); i += 2) {
        if (i > 0) *out += ", ";
        write_text(key_text(v.items[i]).value_or(""), out);
        *out += ": ";
        write(v.items[i + 1], out);
      }
      *out += '}';
  }
}

// Of equal values: whether truth values stand where truth values stand.
bool same_truths(const Value& a, const Value& b) {
  if (a.kind == Kind::kBool || b.kind == Kind::kBool) return a.kind == b.kind;
  if (a.kind == Kind::kDict) {
    std::map<std::string, const Value*> entries;
    for (size_t i = 0; i < a.items.size(); i += 2)
      entries[key_text(a.items[i]).value_or("")] = &a.items[i + 1];
    for (size_t i = 0; i < b.items.size(); i += 2) {
      const auto entry = entries.find(key_text(b.items[i]).value_or(""));
      if (entry == entries.end() || !same_truths(*entry->second, b.items[i + 1])) return false;
    }
    return true;
  }
  return !a.is_sequence() ||
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same_truths);
}

}  // namespace

bool equal_json(const Value& a, const Value& b) { return equal(a, b) && same_truths(a, b); }

const Value* Value::find(std::string_view key) const {
  const Value* found = nullptr;
  if (kind != Kind::kDict) return found;
  for (size_t i = 0; i + 1 < items.size(); i += 2)
    if (items[i].kind == Kind::kText && items[i].text == key) found = &items[i + 1];
  return found;
}

Value* Value::find(std::string_view key) {
  return const_cast<Value*>(static_cast<const Value*>(this)->find(key));
}

std::string write_json(const Value& value) {
  std::string text;
  write(value, &text);
  return text;
}

bool equal(const Value& a, const Value& b) {
  if (is_number(a) && is_number(b)) return equal_numbers(a, b);
  if (a.is_sequence() && b.is_sequence())
    return a.items.size() == b.items.size() &&
           std::equal(a.items.begin(), a.items.end(), b.items.begin(), equal);
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::kNull:
      return true;
    case Kind::kText:
    case Kind::kBytes:
      return a.text == b.text;
    case Kind::kDict:
      return equal_dicts(a, b);
    default:
      return false;
  }
}

}  // namespace amalgam::rewards
