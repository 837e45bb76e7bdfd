#include "configs/toml.h"

#include <toml++/toml.h>

#include <algorithm>

#include "configs/error.h"

namespace amalgam::configs {
namespace {

using SourcePtr = std::shared_ptr<const Source>;

Node convert(const toml::node& in, const SourcePtr& source) {
  Node out;
  out.source = source;
  out.line = static_cast<int64_t>(in.source().begin.line);
  if (const auto* table = in.as_table()) {
    Table members;
    for (const auto& [key, child] : *table) {
      members.emplace_back(std::string(key.str()), convert(child, source));
      // A table made by dotted keys (rollout.n = 4) has no place of its own: the key has one.
      if (members.back().second.line == 0) {
        members.back().second.line = static_cast<int64_t>(key.source().begin.line);
      }
    }
    // toml++ sorts members by name; messages and array order follow the file.
    std::stable_sort(members.begin(), members.end(),
                     [](const auto& a, const auto& b) { return a.second.line < b.second.line; });
    out.value = std::move(members);
  } else if (const auto* array = in.as_array()) {
    Array items;
    for (const auto& child : *array) items.push_back(convert(child, source));
    out.value = std::move(items);
  } else if (const auto* text = in.as_string()) {
    out.value = text->get();
  } else if (const auto* integer = in.as_integer()) {
    out.value = integer->get();
  } else if (const auto* number = in.as_floating_point()) {
    out.value = number->get();
  } else if (const auto* boolean = in.as_boolean()) {
    out.value = boolean->get();
  } else {
    throw Error(out.origin() + ": dates and times are not used here; quote it if it is a string");
  }
  return out;
}

}  // namespace

Node parse_toml(const std::string& text, SourcePtr source) {
  try {
    return convert(toml::parse(text, source->name), source);
  } catch (const toml::parse_error& e) {
    throw Error(source->name + ":" + std::to_string(e.source().begin.line) +
                ": not valid TOML: " + std::string(e.description()));
  }
}

Node parse_toml_value(const std::string& text, SourcePtr source) {
  Node node;
  try {
    const toml::table table = toml::parse("value = " + text);
    if (table.size() != 1) throw Error(source->name + ": one value expected, got '" + text + "'");
    node = convert(*table.get("value"), source);
  } catch (const toml::parse_error&) {
    node.value = text;
    node.source = source;
  }
  const auto drop_lines = [](auto& self, Node& n) -> void {
    n.line = 0;
    if (Array* array = n.get<Array>()) {
      for (Node& item : *array) self(self, item);
    } else if (Table* members = n.get<Table>()) {
      for (auto& [key, child] : *members) self(self, child);
    }
  };
  drop_lines(drop_lines, node);
  return node;
}

}  // namespace amalgam::configs
