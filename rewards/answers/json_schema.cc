#include "rewards/answers/json_schema.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "rewards/answers/pattern.h"

namespace amalgam::rewards {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 300;         // of schemas within schemas and references
constexpr size_t kMaxSteps = 200'000;  // of one check

// Keywords whose value is a schema, a list of them, or schemas by name.
const std::set<std::string_view> kOne = {
    "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else",
    "additionalItems"};
const std::set<std::string_view> kList = {"allOf", "anyOf", "oneOf", "prefixItems"};
const std::set<std::string_view> kByName = {"properties", "patternProperties", "dependentSchemas",
                                            "$defs", "definitions"};
const std::set<std::string_view> kPlain = {"type",
                                           "enum",
                                           "const",
                                           "minimum",
                                           "maximum",
                                           "exclusiveMinimum",
                                           "exclusiveMaximum",
                                           "multipleOf",
                                           "minLength",
                                           "maxLength",
                                           "pattern",
                                           "minItems",
                                           "maxItems",
                                           "uniqueItems",
                                           "minContains",
                                           "maxContains",
                                           "minProperties",
                                           "maxProperties",
                                           "required",
                                           "dependentRequired",
                                           "$ref"};
const std::set<std::string_view> kNotes = {
    "title",      "description",      "default",         "examples", "format",
    "deprecated", "readOnly",         "writeOnly",       "$comment", "$schema",
    "$id",        "contentMediaType", "contentEncoding", "strict",   "name"};

size_t length_of(const std::string& utf8) {
  size_t count = 0;
  for (const char c : utf8) count += (c & 0xc0) != 0x80;
  return count;
}

bool is_integer(const json& value) {
  if (value.is_number_integer()) return true;
  return value.is_number_float() && value.get<double>() == std::floor(value.get<double>());
}

bool is_of_type(const json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number();
  if (type == "integer") return is_integer(value);
  if (type == "boolean") return value.is_boolean();
  return type == "null" && value.is_null();
}

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw Error("schema" + where + ": " + what);
}

}  // namespace

struct JsonSchema::Impl {
  json root;
  std::map<std::string, Pattern> patterns;
  std::set<const json*> checked;                             // schemas
  std::vector<std::pair<std::string, const json*>> targets;  // of $ref, and where it stands

  void check(const json& schema, const std::string& where, int depth);
  const json* target(const std::string& reference) const;

  // What one check has done; keeps hostile values from costing much.
  struct Walk {
    size_t steps = 0;
    bool too_costly = false;
  };
  std::optional<std::string> broken(const json& schema, const json& value, const std::string& at,
                                    int depth, Walk& walk) const;
  std::optional<std::string> broken_number(const json& schema, const json& value) const;
  std::optional<std::string> broken_string(const json& schema, const json& value, Walk& walk) const;
  std::optional<std::string> broken_array(const json& schema, const json& value,
                                          const std::string& at, int depth, Walk& walk) const;
  std::optional<std::string> broken_object(const json& schema, const json& value,
                                           const std::string& at, int depth, Walk& walk) const;
};

// Refuses what cannot be checked, and compiles the patterns.
void JsonSchema::Impl::check(const json& schema, const std::string& where, int depth) {
  if (depth > kMaxDepth) refuse(where, "is nested too deep");
  checked.insert(&schema);
  if (schema.is_boolean()) return;
  if (!schema.is_object()) refuse(where, "is neither an object nor true or false");
  const auto add_pattern = [&](const std::string& text) {
    if (!patterns.contains(text)) patterns.emplace(text, Pattern(text));
  };
  for (const auto& [key, value] : schema.items()) {
    const std::string here = where + "." + key;
    const bool is_list = value.is_array() && (kList.contains(key) || key == "items");
    if (is_list) {
      for (const json& item : value) check(item, here, depth + 1);
    } else if (kOne.contains(key) || key == "items") {
      check(value, here, depth + 1);
    } else if (kByName.contains(key)) {
      if (!value.is_object()) refuse(here, "is no object");
      for (const auto& [name, item] : value.items()) {
        check(item, here + "." + name, depth + 1);
        if (key == "patternProperties") add_pattern(name);
      }
    } else if (key == "dependencies") {
      for (const auto& [name, item] : value.items())
        if (!item.is_array()) check(item, here + "." + name, depth + 1);
    } else if (key == "pattern") {
      if (!value.is_string()) refuse(here, "is no text");
      add_pattern(value.get<std::string>());
    } else if (key == "$ref") {
      const json* place = value.is_string() ? target(value.get<std::string>()) : nullptr;
      if (!place) refuse(here, "points at no place in the schema");
      targets.emplace_back(here, place);
    } else if (key == "type") {
      for (const json& t : value.is_array() ? value : json::array({value}))
        if (!t.is_string() || (t != "null" && t != "object" && t != "array" && t != "string" &&
                               t != "number" && t != "integer" && t != "boolean"))
          refuse(here, "is no type");
    } else if (key.starts_with("m") && kPlain.contains(key)) {
      if (!value.is_number()) refuse(here, "is no number");
    } else if (key == "required") {
      if (!value.is_array()) refuse(here, "is no list of names");
    } else if (kList.contains(key)) {
      refuse(here, "is no list");
    } else if (!kPlain.contains(key) && !kNotes.contains(key)) {
      refuse(here, "is a keyword that is not known");
    }
  }
}

const json* JsonSchema::Impl::target(const std::string& reference) const {
  if (!reference.starts_with('#')) return nullptr;
  try {
    const json::json_pointer pointer(reference.substr(1));
    return root.contains(pointer) ? &root.at(pointer) : nullptr;
  } catch (const json::exception&) {
    return nullptr;
  }
}

std::optional<std::string> JsonSchema::Impl::broken_number(const json& schema,
                                                           const json& value) const {
  const auto x = value.get<double>();
  const auto bound = [&](const char* key, auto holds) {
    const auto it = schema.find(key);
    return it != schema.end() && it->is_number() && !holds(it->template get<double>());
  };
  if (bound("minimum", [&](double b) { return x >= b; })) return "minimum";
  if (bound("maximum", [&](double b) { return x <= b; })) return "maximum";
  if (bound("exclusiveMinimum", [&](double b) { return x > b; })) return "exclusiveMinimum";
  if (bound("exclusiveMaximum", [&](double b) { return x < b; })) return "exclusiveMaximum";
  if (bound("multipleOf", [&](double b) {
        const double quotient = x / b;
        return b > 0 && std::isfinite(quotient) &&
               std::abs(quotient - std::round(quotient)) <=
                   1e-9 * std::max(1.0, std::abs(quotient));
      }))
    return "multipleOf";
  return std::nullopt;
}

std::optional<std::string> JsonSchema::Impl::broken_string(const json& schema, const json& value,
                                                           Walk& walk) const {
  const auto& text = value.get_ref<const std::string&>();
  if (schema.contains("minLength") && static_cast<double>(length_of(text)) < schema["minLength"])
    return "minLength";
  if (schema.contains("maxLength") && static_cast<double>(length_of(text)) > schema["maxLength"])
    return "maxLength";
  if (schema.contains("pattern")) {
    const auto found = patterns.at(schema["pattern"]).search(text, false);
    walk.too_costly |= found == Pattern::Found::kTooCostly;
    if (found != Pattern::Found::kYes) return "pattern";
  }
  return std::nullopt;
}

std::optional<std::string> JsonSchema::Impl::broken_array(const json& schema, const json& value,
                                                          const std::string& at, int depth,
                                                          Walk& walk) const {
  const auto size = static_cast<double>(value.size());
  if (schema.contains("minItems") && size < schema["minItems"]) return "minItems";
  if (schema.contains("maxItems") && size > schema["maxItems"]) return "maxItems";
  if (schema.contains("uniqueItems") && schema["uniqueItems"] == true) {
    std::set<json> seen;
    for (const json& item : value)
      if (!seen.insert(item).second) return "uniqueItems";
  }
  // Earlier drafts: a list of items, and additionalItems for those behind it.
  const bool is_old = schema.contains("items") && schema["items"].is_array();
  const char* first = is_old ? "items" : "prefixItems";
  const char* rest = is_old ? "additionalItems" : "items";
  const size_t num_first = schema.contains(first) ? schema[first].size() : 0;
  for (size_t i = 0; i < value.size(); ++i) {
    const json* own = i < num_first           ? &schema[first][i]
                      : schema.contains(rest) ? &schema[rest]
                                              : nullptr;
    if (!own) continue;
    if (auto why = broken(*own, value[i], at + "[" + std::to_string(i) + "]", depth + 1, walk))
      return why;
  }
  if (schema.contains("contains")) {
    double count = 0;
    for (const json& item : value)
      count += !broken(schema["contains"], item, at, depth + 1, walk).has_value();
    if (count < schema.value("minContains", 1.0)) return "contains";
    if (schema.contains("maxContains") && count > schema["maxContains"]) return "maxContains";
  }
  return std::nullopt;
}

std::optional<std::string> JsonSchema::Impl::broken_object(const json& schema, const json& value,
                                                           const std::string& at, int depth,
                                                           Walk& walk) const {
  const auto size = static_cast<double>(value.size());
  if (schema.contains("minProperties") && size < schema["minProperties"]) return "minProperties";
  if (schema.contains("maxProperties") && size > schema["maxProperties"]) return "maxProperties";
  if (schema.contains("required"))
    for (const json& name : schema["required"])
      if (name.is_string() && !value.contains(name.get_ref<const std::string&>()))
        return "required: " + name.get<std::string>();
  for (const char* key : {"dependentRequired", "dependencies", "dependentSchemas"}) {
    if (!schema.contains(key)) continue;
    for (const auto& [name, needs] : schema[key].items()) {
      if (!value.contains(name)) continue;
      if (!needs.is_array()) {
        if (auto why = broken(needs, value, at, depth + 1, walk)) return why;
        continue;
      }
      for (const json& other : needs)
        if (other.is_string() && !value.contains(other.get_ref<const std::string&>())) return key;
    }
  }
  for (const auto& [name, member] : value.items()) {
    const std::string there = at + "." + name;
    bool is_known = false;
    if (schema.contains("properties") && schema["properties"].contains(name)) {
      is_known = true;
      if (auto why = broken(schema["properties"][name], member, there, depth + 1, walk)) return why;
    }
    if (schema.contains("patternProperties"))
      for (const auto& [pattern, own] : schema["patternProperties"].items())
        if (patterns.at(pattern).search(name, false) == Pattern::Found::kYes) {
          is_known = true;
          if (auto why = broken(own, member, there, depth + 1, walk)) return why;
        }
    if (!is_known && schema.contains("additionalProperties"))
      if (broken(schema["additionalProperties"], member, there, depth + 1, walk))
        return "additionalProperties: " + name;
    if (schema.contains("propertyNames") &&
        broken(schema["propertyNames"], json(name), there, depth + 1, walk))
      return "propertyNames: " + name;
  }
  return std::nullopt;
}

std::optional<std::string> JsonSchema::Impl::broken(const json& schema, const json& value,
                                                    const std::string& at, int depth,
                                                    Walk& walk) const {
  if (depth > kMaxDepth || ++walk.steps > kMaxSteps) {
    walk.too_costly = true;
    return "takes too long to check";
  }
  if (schema.is_boolean())
    return schema.get<bool>() ? std::nullopt : std::optional<std::string>("false");
  const auto at_key = [&](const std::string& what) {
    return what.find(" at ") == std::string::npos ? what + " at " + (at.empty() ? "the top" : at)
                                                  : what;
  };
  if (const auto it = schema.find("$ref"); it != schema.end())
    if (auto why = broken(*target(*it), value, at, depth + 1, walk)) return why;
  if (const auto it = schema.find("type"); it != schema.end()) {
    bool holds = false;
    for (const json& type : it->is_array() ? *it : json::array({*it}))
      holds = holds || is_of_type(value, type.get<std::string>());
    if (!holds) return at_key("type");
  }
  if (const auto it = schema.find("const"); it != schema.end() && value != *it)
    return at_key("const");
  if (const auto it = schema.find("enum"); it != schema.end())
    if (std::find(it->begin(), it->end(), value) == it->end()) return at_key("enum");
  std::optional<std::string> why;
  if (value.is_number()) why = broken_number(schema, value);
  if (value.is_string()) why = broken_string(schema, value, walk);
  if (value.is_array()) why = broken_array(schema, value, at, depth, walk);
  if (value.is_object()) why = broken_object(schema, value, at, depth, walk);
  if (why) return at_key(*why);
  const auto holds = [&](const json& own) { return !broken(own, value, at, depth + 1, walk); };
  const auto count = [&](const char* key) {
    size_t n = 0;
    for (const json& own : schema[key]) n += holds(own);
    return n;
  };
  if (schema.contains("allOf"))
    for (const json& own : schema["allOf"])
      if (auto inner = broken(own, value, at, depth + 1, walk)) return inner;
  if (schema.contains("anyOf") && count("anyOf") == 0) return at_key("anyOf");
  if (schema.contains("oneOf") && count("oneOf") != 1) return at_key("oneOf");
  if (schema.contains("not") && holds(schema["not"])) return at_key("not");
  if (schema.contains("if")) {
    const char* then = holds(schema["if"]) ? "then" : "else";
    if (schema.contains(then))
      if (auto inner = broken(schema[then], value, at, depth + 1, walk)) return inner;
  }
  return walk.too_costly ? std::optional<std::string>("takes too long to check") : std::nullopt;
}

JsonSchema::JsonSchema(const json& schema) : impl_(std::make_unique<Impl>()) {
  impl_->root = schema;
  impl_->check(impl_->root, "", 0);
  for (const auto& [where, place] : impl_->targets)
    if (!impl_->checked.contains(place)) refuse(where, "points at what is no schema");
}
JsonSchema::~JsonSchema() = default;

std::optional<std::string> JsonSchema::violation(const json& value) const {
  Impl::Walk walk;
  return impl_->broken(impl_->root, value, "", 0, walk);
}

}  // namespace amalgam::rewards
