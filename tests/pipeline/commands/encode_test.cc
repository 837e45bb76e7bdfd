#include "pipeline/commands/encode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/paths.h"
#include "tests/pipeline/run_program.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using Json = nlohmann::ordered_json;

const Json& vectors() {
  static const Json parsed = Json::parse(std::ifstream(tests::golden("encoding/vectors.json")));
  return parsed;
}

class Encode : public testing::Test {
 protected:
  ProgramResult encode(const std::string& rows, const std::string& flags = "") {
    std::ofstream(dir_ / "rows.jsonl") << rows;
    return run_program("encode" + flags + " --in " + (dir_ / "rows.jsonl") + " --out " +
                       (dir_ / "out"));
  }
  std::vector<Json> output() {
    std::vector<Json> all;
    std::ifstream in(dir_ / "out");
    for (std::string line; std::getline(in, line);) all.push_back(Json::parse(line));
    return all;
  }
  TempDir dir_;
};

TEST_F(Encode, PublishedPrompts) {
  std::string rows;
  for (const Json& v : vectors()["encode"]) rows += v.dump() + "\n";
  const ProgramResult result = encode(rows);
  ASSERT_EQ(result.status, 0) << result.err;
  const auto prompts = output();
  ASSERT_EQ(prompts.size(), 28u);
  for (size_t i = 0; i < prompts.size(); ++i) {
    const Json& v = vectors()["encode"][i];
    EXPECT_EQ(prompts[i], (Json{{"prompt", v["expected"]}})) << v["name"];
  }
}

TEST_F(Encode, PublishedCompletions) {
  std::string rows;
  for (const Json& v : vectors()["parse"]) rows += v.dump() + "\n";
  const ProgramResult result = encode(rows, " --parse");
  ASSERT_EQ(result.status, 0) << result.err;
  const auto messages = output();
  ASSERT_EQ(messages.size(), 11u);
  const std::string errors[] = {"no_think_end",        "no_eos",           "bad_call_block",
                                "bad_parameter",       "text_after_calls", "bad_tool_name",
                                "duplicate_parameter", "special_token"};
  size_t next_error = 0;
  for (size_t i = 0; i < messages.size(); ++i) {
    const Json& v = vectors()["parse"][i];
    if (v.contains("expected")) {
      EXPECT_EQ(messages[i], (Json{{"message", v["expected"]}})) << v["name"];
    } else {
      ASSERT_TRUE(messages[i].contains("error")) << v["name"];
      EXPECT_EQ(messages[i].size(), 1u);
      EXPECT_EQ(messages[i]["error"]["type"], errors[next_error++]) << v["name"];
    }
  }
}

// Python renders 1e5 as 100000.0 and keeps the order of keys: so must a row read from a file.
TEST_F(Encode, NumbersAreSpelledAsPythonDoes) {
  const ProgramResult result = encode(
      R"({"messages": [{"role": "system", "content": "s", "response_format": {"z": 1e5, "a": -0.0, )"
      R"("big": 123456789012345678901234567890}}, {"role": "user", "content": "q"}]})");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(
      output()[0]["prompt"].get<std::string>(),
      testing::HasSubstr(R"({"z": 100000.0, "a": -0.0, "big": 123456789012345678901234567890})"));
}

TEST_F(Encode, MalformedRowsAreNamed) {
  const auto error = [&](const std::string& second, const std::string& flags = "") {
    const std::string good = flags.empty() ? R"({"messages": [{"role": "user", "content": "a"}]})"
                                           : R"({"text": "no end"})";
    const ProgramResult result = encode(good + "\n\n" + second, flags);
    EXPECT_EQ(result.status, 1) << second;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_THAT(result.err, testing::HasSubstr("rows.jsonl:3: ")) << second;
    EXPECT_EQ(output().size(), 1u);
    return result.err;
  };
  using testing::HasSubstr;
  EXPECT_THAT(error("{"), HasSubstr("JSON object"));
  EXPECT_THAT(error("[]"), HasSubstr("JSON object"));
  EXPECT_THAT(error("{}"), HasSubstr("\"messages\""));
  EXPECT_THAT(error(R"({"messages": "a"})"), HasSubstr("\"messages\""));
  EXPECT_THAT(error(R"({"messages": 5})"), HasSubstr("array"));
  EXPECT_THAT(error(R"({"messages": [{"role": "a\nb"}]})"), HasSubstr("role"));
  EXPECT_THAT(error(R"({"messages": [], "thinking_mode": "off"})"), HasSubstr("thinking_mode"));
  EXPECT_THAT(error(R"({"messages": [], "reasoning_effort": "low"})"), HasSubstr("effort"));
  EXPECT_THAT(error(R"({"messages": [], "drop_thinking": "no"})"), HasSubstr("drop_thinking"));
  EXPECT_THAT(error(R"({"messages": [{"role": "developer", "content": ""}]})"),
              HasSubstr("developer"));
  EXPECT_THAT(error(R"({"messages": [{"role": "user", "task": "x\ny"}]})"), HasSubstr("task"));
  EXPECT_THAT(error(R"({"messages": )" + std::string(100'000, '[') + "}"), HasSubstr("JSON"));
  EXPECT_THAT(error("{}", " --parse"), HasSubstr("\"text\""));
  EXPECT_THAT(error(R"({"text": 5})", " --parse"), HasSubstr("\"text\""));
}

TEST_F(Encode, InvalidUtf8BecomesReplacementCharacters) {
  ASSERT_EQ(encode("{\"messages\": [{\"role\": \"user\", \"content\": \"a\xff\xc3\"}]}\n").status,
            0);
  EXPECT_THAT(output()[0]["prompt"].get<std::string>(), testing::HasSubstr("a\uFFFD\uFFFD"));
  ASSERT_EQ(encode("{\"text\": \"\xf0\x9f\"}\n", " --parse").status, 0);
  EXPECT_EQ(output()[0]["error"]["type"], "no_eos");
}

}  // namespace
}  // namespace amalgam::pipeline
