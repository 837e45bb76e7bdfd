#include "rewards/answers/json_schema.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "rewards/answers/json_answer.h"
#include "tests/error_of.h"

namespace amalgam::rewards {
namespace {

using nlohmann::json;

std::string violation(const char* schema, const std::string& value) {
  return JsonSchema(json::parse(schema)).violation(json::parse(value)).value_or("");
}

TEST(JsonSchema, AnObject) {
  const char* schema = R"({"type": "object", "required": ["name", "age"],
      "properties": {"name": {"type": "string", "minLength": 2, "pattern": "^[A-Z]"},
                     "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 150},
                     "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": true}},
      "additionalProperties": false})";
  EXPECT_EQ(violation(schema, R"({"name": "Ada", "age": 36, "tags": ["b", "a"]})"), "");
  EXPECT_EQ(violation(schema, R"({"name": "Ada", "age": 36.0})"), "");
  EXPECT_EQ(violation(schema, R"({"name": "Ada"})"), "required: age at the top");
  EXPECT_EQ(violation(schema, R"({"name": "ada", "age": 36})"), "pattern at .name");
  EXPECT_EQ(violation(schema, R"({"name": "A", "age": 36})"), "minLength at .name");
  EXPECT_EQ(violation(schema, R"({"name": "Ada", "age": 36.5})"), "type at .age");
  EXPECT_EQ(violation(schema, R"({"name": "Ada", "age": 150})"), "exclusiveMaximum at .age");
  EXPECT_EQ(violation(schema, R"({"name": "Ada", "age": true})"), "type at .age");
  EXPECT_EQ(violation(schema, R"({"name": "Ada", "age": 1, "tags": ["a", "a"]})"),
            "uniqueItems at .tags");
  EXPECT_EQ(violation(schema, R"({"name": "Ada", "age": 1, "tags": ["c"]})"), "enum at .tags[0]");
  EXPECT_EQ(violation(schema, R"({"name": "Ada", "age": 1, "x": 2})"),
            "additionalProperties: x at the top");
  EXPECT_EQ(violation(schema, "[]"), "type at the top");
}

TEST(JsonSchema, CombinationsAndReferences) {
  EXPECT_EQ(violation(R"({"oneOf": [{"type": "integer"}, {"minimum": 2}]})", "1"), "");
  EXPECT_NE(violation(R"({"oneOf": [{"type": "integer"}, {"minimum": 2}]})", "3"), "");
  EXPECT_NE(violation(R"({"anyOf": [{"type": "null"}, {"const": 1}]})", "2"), "");
  EXPECT_NE(violation(R"({"not": {"type": "string"}})", "\"x\""), "");
  EXPECT_EQ(violation(R"({"if": {"type": "string"}, "then": {"minLength": 3}})", "4"), "");
  EXPECT_NE(violation(R"({"if": {"type": "string"}, "then": {"minLength": 3}})", "\"ab\""), "");
  const char* tree = R"({"$defs": {"node": {"type": "object", "properties":
      {"left": {"$ref": "#/$defs/node"}}, "additionalProperties": false}}, "$ref": "#/$defs/node"})";
  EXPECT_EQ(violation(tree, R"({"left": {"left": {}}})"), "");
  EXPECT_NE(violation(tree, R"({"left": {"right": {}}})"), "");
  EXPECT_EQ(violation(R"({"prefixItems": [{"type": "string"}], "items": {"type": "number"}})",
                      R"(["a", 1, 2])"),
            "");
  EXPECT_NE(violation(R"({"contains": {"const": 1}, "maxContains": 1})", "[1, 1]"), "");
  EXPECT_NE(violation(R"({"minLength": 3})", "\"é€\""), "");  // characters, not bytes
  EXPECT_NE(violation(R"({"multipleOf": 0.1})", "0.25"), "");
  EXPECT_EQ(violation(R"({"multipleOf": 0.1})", "0.3"), "");
}

TEST(JsonSchema, RefusesWhatItCannotCheckWhole) {
  const auto refused = [](const char* schema) {
    return tests::error_of([&] { JsonSchema{json::parse(schema)}; });
  };
  EXPECT_EQ(refused(R"({"properties": {"a": {"unevaluatedItems": false}}})"),
            "schema.properties.a.unevaluatedItems: is a keyword that is not known");
  EXPECT_EQ(refused(R"({"$ref": "https://example.org/s"})"),
            "schema.$ref: points at no place in the schema");
  EXPECT_EQ(refused(R"({"$ref": "#/title", "title": {"type": "string"}})"),
            "schema.$ref: points at what is no schema");
  EXPECT_EQ(refused(R"({"type": "text"})"), "schema.type: is no type");
  EXPECT_NE(refused(R"({"pattern": "("})"), "");
  EXPECT_NE(refused(R"({"minimum": "3"})"), "");
}

TEST(JsonSchema, EndsOnHostileValuesAndSchemas) {
  EXPECT_NE(violation(R"({"$ref": "#"})", "1"), "");  // refers to itself for ever
  const char* doubling =
      R"({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}},
                            "$ref": "#/$defs/a"})";
  EXPECT_NE(violation(doubling, "1"), "");
  const std::string long_text = "\"" + std::string(100000, 'a') + "!\"";
  EXPECT_EQ(violation(R"({"pattern": "^(a+)+$"})", long_text), "pattern at the top");
  EXPECT_NE(violation(R"({"not": {"pattern": "^(a+)+$"}})", long_text), "");
}

TEST(JsonAnswer, AloneOrInAFence) {
  EXPECT_EQ(json_answer(" {\"a\": 1} ")->dump(), "{\"a\":1}");
  EXPECT_EQ(json_answer("Here:\n```json\n[1]\n```\nDone.")->dump(), "[1]");
  EXPECT_FALSE(json_answer("{\"a\": 1, \"a\": 2}"));
  EXPECT_FALSE(json_answer("so {\"a\": 1}"));
  EXPECT_FALSE(json_answer(std::string(100000, '[')));
  EXPECT_FALSE(json_answer(std::string(300, '[') + std::string(300, ']')));
  EXPECT_FALSE(json_answer(""));
  EXPECT_FALSE(json_answer("NaN"));
}

}  // namespace
}  // namespace amalgam::rewards
