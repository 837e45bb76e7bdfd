// JSON Schema (draft 2020-12, and what earlier drafts name the same): whether a value is valid.
//
// Known: type, enum, const, the bounds of numbers, strings, arrays and objects, pattern,
// properties, patternProperties, additionalProperties, propertyNames, required, dependentRequired,
// dependentSchemas, dependencies, items (also a list of them), prefixItems, additionalItems,
// contains with minContains and maxContains, uniqueItems, allOf, anyOf, oneOf, not, if, then, else,
// $ref within the schema, $defs, definitions. Notes (title, default, format, …) say nothing.
// Another keyword is refused: a schema that would not be checked whole checks nothing.
#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace amalgam::rewards {

class JsonSchema {
 public:
  // Throws Error for what is no schema or has a keyword that is not known.
  explicit JsonSchema(const nlohmann::json& schema);
  ~JsonSchema();

  // Nothing: valid. Else the place in the value and the keyword that does not hold.
  std::optional<std::string> violation(const nlohmann::json& value) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace amalgam::rewards
