#include "configs/arguments.h"

#include <algorithm>
#include <cmath>

#include "configs/error.h"
#include "configs/format.h"
#include "configs/node.h"

namespace amalgam::configs {
namespace {

// TOML's strings, numbers and lists, written as here, are JSON too; only tables differ.
std::string text_of(const Node& node, const std::string& key, const char* colon) {
  std::string text;
  if (const Table* members = node.get<Table>()) {
    for (const auto& [name, child] : *members)
      text += (text.empty() ? "" : ", ") + format_string(name) + colon +
              text_of(child, key + "." + name, colon);
    return "{" + text + "}";
  }
  if (const Array* items = node.get<Array>()) {
    for (const Node& item : *items) text += (text.empty() ? "" : ", ") + text_of(item, key, colon);
    return "[" + text + "]";
  }
  if (const std::string* string = node.get<std::string>()) return format_string(*string);
  if (const bool* boolean = node.get<bool>()) return format_value(*boolean);
  if (const int64_t* integer = node.get<int64_t>()) return format_value(*integer);
  const double number = *node.get<double>();
  if (!std::isfinite(number)) throw Error(node.origin() + ": " + key + ": give a finite number");
  return format_value(number);
}

}  // namespace

bool Arguments::has(const std::string& name) const {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Arguments arguments_of(const Node& table, const std::string& key) {
  Arguments arguments{text_of(table, key, " = "), text_of(table, key, ": "), {}};
  for (const auto& [name, value] : *table.get<Table>()) arguments.names.push_back(name);
  return arguments;
}

}  // namespace amalgam::configs
