#include "configs/format.h"

#include <charconv>
#include <cmath>
#include <cstdio>

namespace amalgam::configs {
namespace {

bool is_bare_key(const std::string& key) {
  return !key.empty() && key.find_first_not_of(
                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "0123456789_-") == std::string::npos;
}

template <class Items, class Format>
std::string list(const char* open, const char* close, const Items& items, Format format) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + format(item);
  return open + text + close;
}

}  // namespace

std::string format_number(double x) {
  char buffer[40];
  if (x == std::trunc(x) && std::abs(x) < 1e15) return std::to_string(static_cast<int64_t>(x));
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, x);
  return std::string(buffer, end);
}

std::string format_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04X", static_cast<unsigned>(c));
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string describe(Range range) {
  const bool low = std::abs(range.min) < 1e300, high = std::abs(range.max) < 1e300;
  if (low && high) return "from " + format_number(range.min) + " to " + format_number(range.max);
  if (low) return "of at least " + format_number(range.min);
  return high ? "of at most " + format_number(range.max) : "";
}

std::string format_value(bool x) { return x ? "true" : "false"; }
std::string format_value(int64_t x) { return std::to_string(x); }
std::string format_value(double x) {
  const std::string text = format_number(x);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}
std::string format_value(const std::string& x) { return format_string(x); }
std::string format_value(const Path& x) { return format_string(x.string()); }
std::string format_value(const Paths& x) {
  return x.all.size() <= 1 ? format_string(x.text()) : format_value(x.strings());
}

std::vector<std::string> Paths::strings() const {
  std::vector<std::string> texts;
  for (const Path& path : all) texts.push_back(path.string());
  return texts;
}

std::string Paths::text() const {
  std::string text;
  for (const Path& path : all) text += (text.empty() ? "" : ", ") + path.string();
  return text;
}
std::string format_value(const std::vector<double>& x) {
  return list("[", "]", x, [](double item) { return format_value(item); });
}
std::string format_value(const std::vector<std::string>& x) {
  return list("[", "]", x, format_string);
}
std::string format_value(const Weights& x) {
  return list("{", "}", x, [](const auto& item) {
    return (is_bare_key(item.first) ? item.first : format_string(item.first)) + " = " +
           format_value(item.second);
  });
}

}  // namespace amalgam::configs
