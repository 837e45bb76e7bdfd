#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/pipeline/data/forms/forms_of.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using tests::first_of_rl;
using tests::forms_of;
using tests::why_bad;

json user(const std::string& text) { return json::array({{{"role", "user"}, {"content", text}}}); }

TEST(RlRow, ThePromptIsTheFirstThatIsThere) {
  const std::string list = R"([{"role":"user","content":"u"}])";
  // A row, the prompt that it has, and where that comes from.
  const std::tuple<std::string, json, json> kCases[] = {
      {R"({"prompt":"p","messages":)" + list + "}", "p", "prompt"},
      {R"({"prompt":null,"messages":)" + list + R"(,"question":"q"})", user("u"), "messages"},
      {R"({"messages":)" + json(list).dump() + "}", user("u"), "messages"},
      {R"({"messages":"  ","question":"q","problem":"b"})", user("q"), "question"},
      {R"({"problem":"b","instruction":"i"})", user("b"), "problem"},
      {R"({"instruction":"i","input":"j"})", user("i\nj"), json({"instruction", "input"})},
      {R"({"instruction":"i","input":""})", user("i"), "instruction"},
      {R"({"instruction":"i","input":null,"output":"o"})", user("i"), "instruction"},
      {R"({"input":"j","output":"o"})", user("j"), "input"},
      {R"({"input":"j","responses_create_params":{"input":"r"}})", user("r"),
       "responses_create_params.input"},
      {R"({"responses_create_params":{"input":)" + list + "}}", user("u"),
       "responses_create_params.input"}};
  for (const auto& [row, prompt, path] : kCases) {
    const json found = forms_of(row);
    EXPECT_EQ(found["first"][prompt.is_string() ? "prompt_text" : "prompt_messages"], prompt)
        << row;
    EXPECT_EQ(found["understood"]["prompt"], path) << row;
  }
  EXPECT_THAT(why_bad(R"({"input":"j"})"), HasSubstr("prompt"));
  EXPECT_THAT(why_bad(R"({"conversations":[{"from":"human","value":"u"}]})"), HasSubstr("prompt"));
}

TEST(RlRow, MessagesThatEndInAnAnswerArePassedOver) {
  const std::string answered =
      R"("messages":[{"role":"user","content":"u"},{"from":"gpt","value":"a"}])";
  EXPECT_EQ(first_of_rl("{" + answered + R"(,"problem":"b"})")["prompt_messages"], user("b"));
  EXPECT_THAT(why_bad("{" + answered + "}"), HasSubstr("assistant"));
  EXPECT_THAT(why_bad("{" + answered + R"(,"input":"i"})"), HasSubstr("assistant"));
  EXPECT_EQ(first_of_rl("{" + answered + R"(,"input":"i","output":"o"})")["prompt_messages"],
            user("i"));
  EXPECT_THAT(
      why_bad(
          R"({"prompt":[{"role":"user","content":"u"},{"role":"assistant","content":"a"}],"problem":"b"})"),
      HasSubstr("assistant"));
  EXPECT_THAT(why_bad("{\"messages\":\"no json\",\"problem\":\"b\"}"), HasSubstr("messages"));
}

TEST(RlRow, PromptsThatAreBad) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"prompt":""})", "prompt"},
      {R"({"prompt":[]})", "prompt"},
      {R"({"prompt":5})", "prompt"},
      {R"({"prompt":{}})", "prompt"},
      {R"({"prompt":"[{\"role\":\"user\",\"content\":\"u\"}]"})", "JSON"},
      {R"({"prompt":" \n[{\"from\":\"human\",\"value\":\"u\"}] "})", "JSON"},
      {R"({"question":""})", "question"},
      {R"({"question":["q"]})", "question"},
      {R"({"problem":1})", "problem"},
      {R"({"instruction":"","input":"x"})", "instruction"},
      {R"({"instruction":"i","input":4})", "input"},
      {R"({"input":"","output":"o"})", "input"},
      {R"({"question":"q","system":7})", "system"},
      {R"({"responses_create_params":{"input":""}})", "responses_create_params.input"},
      {R"({"messages":"[]"})", "prompt"},
      {R"({"messages":3})", "messages"}};
  for (const auto& [row, word] : kCases) {
    EXPECT_THAT(why_bad(row), HasSubstr(word)) << row;
    EXPECT_EQ(forms_of(row)["bad"], json({1})) << row;
  }
  for (const char* text :
       {"[1, 2]", "[]", "[{\"a\": 1}]", "[x]", "[", " ", "{\"role\": \"user\"}"}) {
    const json row = {{"prompt", text}};
    EXPECT_EQ(first_of_rl(row.dump())["prompt_text"], text);
  }
}

TEST(RlRow, TheSystemColumnGoesBeforeSomeForms) {
  const json with_system =
      json::array({{{"role", "system"}, {"content", "s"}}, {{"role", "user"}, {"content", "q"}}});
  for (const char* row :
       {R"({"question":"q","system":"s"})", R"({"problem":"q","system_prompt":"s"})",
        R"({"instruction":"q","system":"s","system_prompt":"t"})",
        R"({"question":"q","system":"","system_prompt":"s"})"})
    EXPECT_EQ(first_of_rl(row)["prompt_messages"], with_system) << row;
  EXPECT_EQ(forms_of(R"({"question":"q","system":"s"})")["understood"]["prompt"],
            json({"question", "system"}));
  // Not before the others: there it is a column as any.
  EXPECT_EQ(forms_of(R"({"prompt":"q","system":"s"})")["passed"], json({"system"}));
  EXPECT_EQ(forms_of(R"({"input":"q","output":"o","system":"s"})")["passed"], json({"system"}));
  EXPECT_EQ(forms_of(R"({"question":"q","system":""})")["understood"]["prompt"], "question");
}

TEST(RlRow, TheGroundTruthIsTheFirstThatIsThere) {
  const std::tuple<std::string, json, std::string> kCases[] = {
      {R"("reward_model":{"ground_truth":"a"},"ground_truth":"b")", "a",
       "reward_model.ground_truth"},
      {R"("reward_model":{"style":"rule","ground_truth":null},"ground_truth":"b","answer":"c")",
       "b", "ground_truth"},
      {R"("answer":0,"expected_answer":1)", 0, "answer"},
      {R"("answer":false)", false, "answer"},
      {R"("expected_answer":{"a":null},"verification_info":"v")", json{{"a", nullptr}},
       "expected_answer"},
      {R"("verification_info":"{\"a\": 1}","solution":"s")", "{\"a\": 1}", "verification_info"},
      {R"("solution":[null, 1.0])", json::array({nullptr, 1.0}), "solution"},
      {R"("answer":18446744073709551615)", 18446744073709551615u, "answer"},
      {R"("reward_model":"{\"ground_truth\": [1]}")", json::array({1}),
       "reward_model.ground_truth"}};
  for (const auto& [columns, truth, path] : kCases) {
    const json found = forms_of(R"({"prompt":"p",)" + columns + "}");
    EXPECT_EQ(found["first"]["ground_truth"], truth) << columns;
    EXPECT_EQ(found["understood"]["ground_truth"], path) << columns;
  }
  EXPECT_EQ(forms_of(R"({"instruction":"i","output":"o"})")["understood"]["ground_truth"],
            "output");
  EXPECT_EQ(forms_of(R"({"input":"i","output":"o"})")["understood"]["ground_truth"], "output");
  EXPECT_EQ(forms_of(R"({"question":"i","output":"o"})")["passed"], json({"output"}));
  EXPECT_EQ(forms_of(R"({"prompt":"i","input":"x","output":"o"})")["understood"],
            json({{"prompt", "prompt"}}));
}

TEST(RlRow, EmptyTruthsAreNone) {
  for (const char* none : {"null", "\"\"", "[]", "{}"}) {
    const std::string row = R"({"prompt":"p","answer":)" + std::string(none) + "}";
    const json alone = forms_of(row);
    EXPECT_EQ(alone["ok"], true);
    EXPECT_FALSE(alone["first"].contains("ground_truth"));
    const json beside = forms_of(row + "\n" + R"({"prompt":"p","answer":0})");
    EXPECT_EQ(beside["bad"], json({1})) << none;
    EXPECT_THAT(beside["why"][0].get<std::string>(), HasSubstr("ground_truth"));
    EXPECT_EQ(beside["first"]["ground_truth"], 0);
    EXPECT_EQ(forms_of(R"({"prompt":"p","reward_model":{"style":"rule","ground_truth":)" +
                       std::string(none) + "}}")["bad"],
              json({1}));
  }
  // The empty text is there, so nothing after it counts.
  EXPECT_FALSE(
      first_of_rl(R"({"prompt":"p","answer":"","solution":"s"})").contains("ground_truth"));
}

TEST(RlRow, OneWithoutTruthIsBadWhereOthersHaveOne) {
  const std::string none = R"({"prompt":"n","level":1})" + std::string("\n");
  const std::string truth = R"({"prompt":"t","answer":1})" + std::string("\n");
  const std::string rubric = R"({"prompt":"r","rubric":["x"]})" + std::string("\n");
  EXPECT_EQ(forms_of(none + none)["ok"], true);
  json found = forms_of(none + truth + none + rubric + "{\n" + none);
  EXPECT_EQ(found["bad"], json({1, 3, 5, 6}));
  EXPECT_EQ(found["passed"], json::array());  // of good rows alone
  EXPECT_EQ(found["first"]["prompt_text"], "t");
  found = forms_of(none + rubric + none);
  EXPECT_EQ(found["ok"], true);
  EXPECT_EQ(found["first"]["prompt_text"], "n");
  EXPECT_EQ(found["passed"], json({"level"}));
  EXPECT_EQ(forms_of(R"({"prompt":"p","reward_model":{}})")["ok"], true);
  EXPECT_EQ(forms_of(R"({"prompt":"p","reward_model":{"style":"rule"},"rubric":["x"]})")["ok"],
            true);
  EXPECT_EQ(forms_of(R"({"prompt":"p","reward_model":{"style":"rule"},"answer":1})")["ok"], true);
}

TEST(RlRow, DataSourceStyleAndExtraInfo) {
  json found =
      forms_of(R"({"prompt":"p","data_source":null,"dataset":5,"task":"t","info":{"a":null}})");
  EXPECT_EQ(found["understood"],
            json({{"prompt", "prompt"}, {"data_source", "task"}, {"extra_info", "info"}}));
  EXPECT_EQ(found["passed"], json({"dataset"}));
  found =
      forms_of(R"({"prompt":"p","dataset":"d","task":"t","extra_info":{},"info":"{\"a\": 1}"})");
  EXPECT_EQ(found["understood"]["data_source"], "dataset");
  EXPECT_EQ(found["understood"]["extra_info"], "info");
  EXPECT_EQ(found["passed"], json({"task"}));
  EXPECT_THAT(why_bad(R"({"prompt":"p","data_source":["d"]})"), HasSubstr("data_source"));
  EXPECT_THAT(why_bad(R"({"prompt":"p","extra_info":"x"})"), HasSubstr("extra_info"));
  EXPECT_THAT(why_bad(R"({"prompt":"p","extra_info":"[1]"})"), HasSubstr("extra_info"));
  EXPECT_THAT(why_bad(R"({"prompt":"p","info":3})"), HasSubstr("info"));
  EXPECT_EQ(forms_of(R"({"prompt":"p","extra_info":" ","reward_model":""})")["understood"],
            json({{"prompt", "prompt"}}));
  EXPECT_THAT(why_bad(R"({"prompt":"p","reward_model":"rule"})"), HasSubstr("reward_model"));
}

TEST(RlRow, Tools) {
  const auto tools = [](const std::string& value) {
    return first_of_rl(R"({"prompt":"p","tools":)" + value + "}")["tools"];
  };
  const std::string nested = R"({"type":"function","function":{"name":"f","parameters":{}}})";
  for (const std::string& one :
       {std::string("\"f\""), nested, std::string(R"({"type":"function","name":"f"})"),
        std::string(R"({"name":"f","parameters":{"type":"object"}})"),
        std::string(R"({"name":"f","parameters":"{\"type\": \"object\"}"})"),
        std::string(R"({"name":"f","description":"d","parameters":""})"), json(nested).dump(),
        std::string(R"({"function":{"name":"f"}})")})
    EXPECT_EQ(tools("[" + one + "]"), 1) << one;
  EXPECT_EQ(tools(json("[" + nested + "," + nested + "]").dump()), 2);
  EXPECT_EQ(tools("[]"), 0);
  EXPECT_EQ(tools("\" \""), nullptr);
  for (const char* bad :
       {"5", "{}", "\"f\"", "\"{}\"", "[5]", "[{}]", "[null]", "[\"\"]",
        R"([{"type":"web_search","name":"f"}])", R"([{"type":"function"}])",
        R"([{"type":"function","function":{}}])", R"([{"parameters":{}}])",
        R"([{"name":"f","parameters":[]}])", R"([{"name":"f","parameters":"x"}])", R"(["{x"])",
        R"([{"function":"f"}])", R"([{"name":""," parameters":{}}])"})
    EXPECT_THAT(why_bad(R"({"prompt":"p","tools":)" + std::string(bad) + "}"), HasSubstr("tools"))
        << bad;
  // [] is none, and ends the search.
  json found = forms_of(R"({"prompt":"p","tools":[],"tool_defs":["f"]})");
  EXPECT_EQ(found["understood"]["tools"], "tools");
  EXPECT_EQ(found["passed"], json({"tool_defs"}));
  EXPECT_EQ(forms_of(R"({"prompt":"p","tools":null,"tool_defs":"[\"f\"]"})")["understood"]["tools"],
            "tool_defs");
  EXPECT_EQ(
      forms_of(R"({"responses_create_params":{"input":"p","tools":["f"]}})")["understood"]["tools"],
      "responses_create_params.tools");
}

TEST(RlRow, ToolsKwargs) {
  json found =
      forms_of(R"({"prompt":"p","tools_kwargs":{"a":1},"extra_info":{"tools_kwargs":{"b":null}}})");
  EXPECT_EQ(found["first"]["tools_kwargs"], json({{"b", nullptr}}));
  EXPECT_EQ(found["understood"]["tools_kwargs"], "extra_info.tools_kwargs");
  EXPECT_EQ(found["passed"], json({"tools_kwargs"}));
  found = forms_of(R"({"prompt":"p","tools_kwargs":{"a":1},"extra_info":{"tools_kwargs":null}})");
  EXPECT_EQ(found["understood"]["tools_kwargs"], "tools_kwargs");
}

TEST(RlRow, Rubrics) {
  const auto rubric = [](const std::string& value) {
    return first_of_rl(R"({"prompt":"p","rubric":)" + value + "}")["rubric"];
  };
  EXPECT_EQ(
      rubric(
          R"(["a",{"criterion":"b","description":"x","points":-2,"weight":9},{"title":"t","description":"c"},{"text":"d","weight":0.5}])"),
      json::parse(
          R"([{"text":"a","weight":1},{"text":"b","weight":-2},{"text":"c","weight":1},{"text":"d","weight":0.5}])"));
  EXPECT_EQ(rubric(R"("[\"a\"]")"), json::parse(R"([{"text":"a","weight":1}])"));
  EXPECT_EQ(rubric(R"([{"criterion":null,"description":"c","points":null,"weight":3}])"),
            json::parse(R"([{"text":"c","weight":3}])"));
  EXPECT_EQ(rubric("[]"), nullptr);
  for (const char* bad :
       {"{}", "\"be kind\"", "[1]", "[{}]", R"([{"title":"t"}])", R"([{"text":""}])", R"([""])",
        R"([{"text":"a","weight":"5"}])", R"([{"text":"a","points":true}])"})
    EXPECT_THAT(why_bad(R"({"prompt":"p","rubric":)" + std::string(bad) + "}"), HasSubstr("rubric"))
        << bad;
  EXPECT_THAT(why_bad(R"({"prompt":"p","rubrics":5})"), HasSubstr("rubrics"));
}

TEST(RlRow, Efforts) {
  for (const char* good :
       {"\"none\"", "\"low\"", "\"high\"", "\"max\"", "1", "100", "40.0", "null"})
    EXPECT_EQ(why_bad(R"({"prompt":"p","effort":)" + std::string(good) + "}"), "") << good;
  for (const char* bad : {"\"medium\"", "\"minimal\"", "\"xhigh\"", "\"\"", "\"40\"", "0", "101",
                          "-1", "40.5", "true", "[]", "1e300", "\"HIGH\""})
    EXPECT_THAT(why_bad(R"({"prompt":"p","effort":)" + std::string(bad) + "}"), HasSubstr("effort"))
        << bad;
  EXPECT_EQ(
      forms_of(R"({"prompt":"p","effort":null,"reasoning_effort":7})")["understood"]["effort"],
      "reasoning_effort");
}

TEST(RlRow, Ids) {
  EXPECT_EQ(
      forms_of(
          R"({"prompt":"p","id":1.5,"uuid":null,"prompt_id":"x","problem_id":2})")["understood"]
                                                                                  ["id"],
      "prompt_id");
  EXPECT_EQ(forms_of(R"({"prompt":"p","example_id":7})")["understood"]["id"], "example_id");
  EXPECT_FALSE(forms_of(R"({"prompt":"p","id":true})")["understood"].contains("id"));
}

TEST(RlRow, WhatIsHandedOn) {
  const json found = forms_of(
      R"({"prompt":"p","question":"q","hint":[null],"gone":null,"completion":"c","completions":1,"prompts":1,"completion_ids":1,)"
      R"("trainer_state":1,"log_extra":1,"log_metric":1,"__index_level_0__":3,"__index_level_x__":3,"images":[],"label":"x"})"
      "\n"
      R"({"question":"q"})");
  EXPECT_EQ(found["understood"]["prompt"], json({"prompt", "question"}));
  EXPECT_EQ(found["passed"],
            json({"hint", "__index_level_x__", "label"}));  // not the question: it is a prompt
  EXPECT_EQ(found["ignored"],
            json({"completion", "completions", "prompts", "completion_ids", "trainer_state",
                  "log_extra", "log_metric", "__index_level_0__", "images"}));
}

TEST(RlRow, SaysAllThatIsWrong) {
  const std::string why = why_bad(
      R"({"prompt":[],"data_source":1,"effort":"x","tools":1,"reward_model":{"style":"s"}})");
  for (const char* word : {"prompt", "data_source", "effort", "tools", "ground_truth"})
    EXPECT_THAT(why, HasSubstr(word));
}

}  // namespace
}  // namespace amalgam::pipeline
