#include "pipeline/data/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string error_of(const std::string& text) {
  try {
    parse_row(text, "rows.jsonl:7");
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Rows, VerlColumns) {
  const Row row = parse_row(
      R"({"data_source": "gsm8k", "prompt": [{"role": "user", "content": "2+2?"}], "ability": "math",
          "reward_model": {"style": "math", "ground_truth": "4"}, "extra_info": {"index": 3},
          "effort": "high", "tools": [{"type": "function"}], "rubric": {"a": 1}, "source": "x"})",
      "t");
  EXPECT_EQ(row.data_source, "gsm8k");
  EXPECT_EQ(row.ability, "math");
  EXPECT_EQ(json::parse(row.prompt), json::parse(R"([{"role": "user", "content": "2+2?"}])"));
  EXPECT_EQ(row.style, "math");
  EXPECT_EQ(row.ground_truth, "\"4\"");
  EXPECT_EQ(row.extra_info, "{\"index\":3}");
  EXPECT_EQ(row.effort, "high");
  EXPECT_EQ(row.tools, "[{\"type\":\"function\"}]");
  EXPECT_EQ(row.rubric, "{\"a\":1}");
  EXPECT_EQ(row.columns, "{\"source\":\"x\"}");
  EXPECT_EQ(row.messages, "");
}

TEST(Rows, TrlColumns) {
  const Row text = parse_row(R"({"prompt": "2+2?", "answer": 4, "level": null})", "t");
  EXPECT_EQ(json::parse(text.prompt), json::parse(R"([{"role": "user", "content": "2+2?"}])"));
  EXPECT_EQ(json::parse(text.columns), json::parse(R"({"answer": 4, "level": null})"));
  EXPECT_EQ(text.style, "");
  const Row chat = parse_row(R"({"prompt": [{"role": "user", "content": "hi"}]})", "t");
  EXPECT_EQ(json::parse(chat.prompt)[0]["content"], "hi");
  const Row sft = parse_row(R"({"messages": [{"role": "user", "content": "hi"}]})", "t");
  EXPECT_EQ(sft.prompt, "");
  EXPECT_EQ(json::parse(sft.messages)[0]["content"], "hi");
}

TEST(Rows, WritingGivesTheRowBack) {
  const std::string text =
      R"({"data_source":"d","prompt":[{"role":"user","content":"é\n"}],"ability":"a",)"
      R"("reward_model":{"style":"s","ground_truth":{"b":1,"a":2}},"extra_info":{"z":1,"y":[2]},)"
      R"("tools":[],"rubric":[1],"effort":"max","mode":"chat","messages":[{"role":"user"}],)"
      R"("quality":"good","more":1.5})";
  EXPECT_EQ(parse_row(text, "t").to_json(), text);
  const std::string more =
      R"({"prompt":"a","reward_model":{"style":"s","ground_truth":1,"weight":[2]}})";
  EXPECT_EQ(parse_row(more, "t").to_json(), more);
  EXPECT_EQ(parse_row(more, "t").reward_model, R"({"weight":[2]})");
  EXPECT_THAT(parse_row(more, "t").column_names(), testing::ElementsAre("prompt", "reward_model"));
  const std::string trl = R"({"prompt":"2+2?","answer":4})";
  EXPECT_EQ(parse_row(trl, "t").to_json(), trl);
}

TEST(Rows, MalformedRowsNameFileLineAndColumn) {
  EXPECT_THAT(error_of("{"), HasSubstr("rows.jsonl:7: not JSON"));
  EXPECT_THAT(error_of("[1]"), HasSubstr("rows.jsonl:7: a row must be a JSON object"));
  EXPECT_THAT(error_of("{}"), HasSubstr("rows.jsonl:7: column \"prompt\" is missing"));
  EXPECT_THAT(error_of(R"({"prompt": 3})"), HasSubstr("\"prompt\" must be"));
  EXPECT_THAT(error_of(R"({"prompt": []})"), HasSubstr("\"prompt\" must be"));
  EXPECT_THAT(error_of(R"({"prompt": [{"content": "x"}]})"), HasSubstr("without a \"role\""));
  EXPECT_THAT(error_of(R"({"messages": [3]})"), HasSubstr("\"messages\" has a message"));
  EXPECT_THAT(error_of(R"({"prompt": "x", "reward_model": "math"})"),
              HasSubstr("\"reward_model\""));
  EXPECT_THAT(error_of(R"({"prompt": "x", "reward_model": {"ground_truth": 1}})"),
              HasSubstr("needs \"style\""));
  EXPECT_THAT(error_of(R"({"prompt": "x", "reward_model": {"style": "math"}})"),
              HasSubstr("needs \"ground_truth\""));
  EXPECT_THAT(error_of(R"({"prompt": "x", "extra_info": 1})"), HasSubstr("\"extra_info\""));
  EXPECT_THAT(error_of(R"({"prompt": "x", "mode": "fast"})"), HasSubstr("\"mode\""));
  EXPECT_THAT(error_of(R"({"prompt": "x", "effort": "huge"})"), HasSubstr("\"effort\" must be"));
  EXPECT_THAT(error_of(R"({"prompt": "x", "level": 1e999})"),
              HasSubstr("rows.jsonl:7: holds a number"));
  EXPECT_THAT(error_of(R"({"prompt": "x", "data_source": 1})"), HasSubstr("\"data_source\""));
  EXPECT_THAT(error_of("{\"prompt\": \"\xff\"}"), HasSubstr("not JSON"));
}

TEST(Rows, ThoseThatCannotBeWrittenAreAnError) {
  EXPECT_THROW(write_jsonl("/no/such/folder/file.jsonl", {}), Error);
}

}  // namespace
}  // namespace amalgam::pipeline
