#include "rollout/tools/tool.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "configs/tool_config.h"
#include "rollout/tools/tool_registry.h"

namespace amalgam::rollout {
namespace {

using nlohmann::json;

Tool cut_tool() {
  return {.name = "cut",
          .description = "Cuts \"it\".",
          .parameters = {{"text", "string"},
                         {"at", "integer", "from 0", false},
                         {"how", "", "", false}},
          .call = {}};
}

TEST(Tool, SchemaIsOpenAis) {
  EXPECT_EQ(tool_schema(cut_tool()),
            R"({"type":"function","function":{"name":"cut","description":"Cuts \"it\".",)"
            R"("parameters":{"type":"object","properties":{"text":{"type":"string"},)"
            R"("at":{"type":"integer","description":"from 0"},"how":{}},"required":["text"]}}})");
}

TEST(Tool, ArgumentsAreChecked) {
  const Tool tool = cut_tool();
  const auto read = read_arguments(tool, R"({"text": "a\u0000b", "at": 3, "how": {"x": [1]}})");
  ASSERT_TRUE(read);
  EXPECT_EQ(*read->find("text"), std::string("a\0b", 3));
  EXPECT_EQ(*read->find("at"), "3");
  EXPECT_EQ(*read->find("how"), R"({"x":[1]})");
  EXPECT_EQ(json::parse(read->json).size(), 3u);
  EXPECT_EQ(*read_arguments(tool, R"({"text": 482})")->find("text"), "482");
  EXPECT_EQ(json::parse(read_arguments(tool, R"({"text": 482})")->json)["text"], "482");
  const auto nested = [](size_t depth) {
    return R"({"text": "a", "how": )" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(read_arguments(tool, nested(90)));
  for (const size_t depth : {110, 1'000'000}) EXPECT_FALSE(read_arguments(tool, nested(depth)));
  EXPECT_FALSE(read_arguments(tool, R"({"text": ""})")->find("at"));
  for (const char* wrong :
       {"", "{", "[]", "{}", "null", R"({"at": 1})", R"({"text": null})", R"({"text": 1.5})",
        R"({"text": ["a"]})", R"({"text": "a", "at": "1"})", R"({"text": "a", "at": 1.5})",
        R"({"text": "a", "more": 1})", "{\"text\": \"\xff\"}", R"({"text": "\ud800"})"})
    EXPECT_FALSE(read_arguments(tool, wrong)) << wrong;
  EXPECT_EQ(how_to_call(tool),
            "cut takes text (string), at (integer, optional), how (any value, optional)");
}

// The config knows the names without the tools.
TEST(ToolRegistry, HasTheToolsThatTheConfigNames) {
  EXPECT_EQ(ToolRegistry::builtin().names(), configs::builtin_tools());
  for (const std::string& name : configs::builtin_tools()) {
    const json schema = json::parse(tool_schema(*ToolRegistry::builtin().find(name)));
    EXPECT_EQ(schema["function"]["name"], name);
    EXPECT_FALSE(schema["function"]["description"].get<std::string>().empty());
  }
  EXPECT_EQ(ToolRegistry::builtin().find("rm"), nullptr);
}

}  // namespace
}  // namespace amalgam::rollout
