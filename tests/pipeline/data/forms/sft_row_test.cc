#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pipeline/data/forms/row_reader.h"
#include "tests/pipeline/data/forms/forms_of.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using tests::first_of_sft;
using tests::why_bad_example;

json forms_of_sft(const std::string& rows) { return tests::forms_of(rows, RowUse::kExample); }

const std::string kTurns = R"([{"role":"user","content":"u"},{"role":"assistant","content":"a"}])";

json message(const char* role, const std::string& content) {
  return {{"role", role}, {"content", content}};
}

TEST(SftRow, TheFirstFormThatIsWhole) {
  // A row, and the fields with their columns.
  const std::pair<std::string, json> kCases[] = {
      {R"({"messages":)" + kTurns + R"(,"conversations":)" + kTurns + "}",
       {{"messages", "messages"}}},
      {R"({"messages":)" + json(kTurns).dump() + "}", {{"messages", "messages"}}},
      {R"({"messages":null,"conversations":)" + kTurns + R"(,"conversation":1})",
       {{"messages", "conversations"}}},
      {R"({"conversation":)" + kTurns + R"(,"prompt":"p","completion":"c"})",
       {{"messages", "conversation"}}},
      {R"({"prompt":"p","completion":"c","response":"r"})",
       {{"prompt", "prompt"}, {"completion", "completion"}}},
      {R"({"prompt":"p","completion":)" + kTurns + R"(,"response":"r"})",
       {{"prompt", "prompt"}, {"completion", "response"}}},
      {R"({"prompt":"p","completion":null,"response":"r"})",
       {{"prompt", "prompt"}, {"completion", "response"}}},
      {R"({"prompt":"p","instruction":"i","response":null,"output":"o"})",
       {{"prompt", "instruction"}, {"completion", "output"}}},
      {R"({"instruction":"i","input":"j","response":"r"})",
       {{"prompt", {"instruction", "input"}}, {"completion", "response"}}},
      {R"({"instruction":"i","output":"o","response":"r"})",
       {{"prompt", "instruction"}, {"completion", "output"}}},
      {R"({"instruction":"i","question":"q","answer":"a"})",
       {{"prompt", "question"}, {"completion", "answer"}}},
      {R"({"question":"q","answer":"a","response":"r"})",
       {{"prompt", "question"}, {"completion", "response"}}},
      {R"({"input":"i","output":"o","text":"t"})", {{"prompt", "input"}, {"completion", "output"}}},
      {R"({"input":"i","text":"t"})", {{"text", "text"}}}};
  for (const auto& [row, understood] : kCases)
    EXPECT_EQ(forms_of_sft(row)["understood"], understood) << row;
  EXPECT_THAT(why_bad_example(R"({"prompt":"p","answer":"a"})"), HasSubstr("messages"));
  EXPECT_EQ(forms_of_sft(R"({"prompt":"p"})")["rows"], 0);
  EXPECT_EQ(forms_of_sft("{\"prompt\":\"p\"}\n{\"text\":\"t\"}")["bad"], json({1}));
  EXPECT_EQ(forms_of_sft("{\"prompt\":\"p\",\"completion\":[]}\n{\"text\":\"t\"}")["bad"],
            json({1}));
}

TEST(SftRow, TextsStayTextsInTwoForms) {
  EXPECT_EQ(first_of_sft(R"({"prompt":"<think>p","completion":" <think>c"})"),
            json({{"prompt_text", "<think>p"}, {"completion_text", " <think>c"}}));
  EXPECT_EQ(first_of_sft(R"({"text":"<think>t"})"), json({{"text", "<think>t"}}));
  // In the others the answer is an assistant message.
  for (
      const char* row :
      {R"({"prompt":"p","response":"<think>r</think>c"})",
       R"({"instruction":"p","output":"<think>r</think>c"})",
       R"({"question":"p","answer":"<think>r</think>c"})",
       R"({"input":"p","output":"<think>r</think>c"})",
       R"({"prompt":[{"from":"human","value":"p"}],"response":"r</think>c"})",
       R"({"prompt":[{"role":"user","content":"p"}],"completion":[{"role":"assistant","content":"c","reasoning":"r"}]})"}) {
    json answer = message("assistant", "c");
    answer["reasoning_content"] = "r";
    EXPECT_EQ(first_of_sft(row), json({{"prompt_messages", {message("user", "p")}},
                                       {"completion_messages", {answer}}}))
        << row;
  }
}

TEST(SftRow, TextsThatAreBad) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"prompt":"","completion":"c"})", "prompt"},
      {R"({"prompt":"p","completion":""})", "completion"},
      {R"({"prompt":"[{\"role\":\"user\",\"content\":\"u\"}]","completion":"c"})", "JSON"},
      {R"({"prompt":"p","response":""})", "response"},
      {R"({"prompt":"p","response":["r"]})", "response"},
      {R"({"prompt":5,"response":"r"})", "prompt"},
      {R"({"instruction":"","output":"o"})", "instruction"},
      {R"({"instruction":"i","output":""})", "output"},
      {R"({"instruction":"i","output":"o","input":[]})", "input"},
      {R"({"instruction":"i","output":"o","system":1})", "system"},
      {R"({"question":"q","answer":4})", "answer"},
      {R"({"question":{},"answer":"a"})", "question"},
      {R"({"input":"","output":"o"})", "input"},
      {R"({"text":""})", "text"},
      {R"({"text":["t"]})", "text"},
      {R"({"instruction":"i","output":"<think>o"})", "think"}};
  for (const auto& [row, word] : kCases) {
    EXPECT_THAT(why_bad_example(row), HasSubstr(word)) << row;
    EXPECT_EQ(forms_of_sft(row)["bad"], json({1})) << row;
  }
}

TEST(SftRow, InstructionsWithSystemAndHistory) {
  const json found = forms_of_sft(
      R"({"instruction":"i","input":"j","output":"o","system":"s","history":[["q","<think>r</think>a"]]})");
  json earlier = message("assistant", "a");
  earlier["reasoning_content"] = "r";
  EXPECT_EQ(found["first"]["prompt_messages"],
            json({message("system", "s"), message("user", "q"), earlier, message("user", "i\nj")}));
  EXPECT_EQ(found["first"]["completion_messages"], json({message("assistant", "o")}));
  auto paths = found["understood"]["prompt"].get<std::vector<std::string>>();
  EXPECT_THAT(paths, testing::UnorderedElementsAre("instruction", "input", "system", "history"));
  for (const char* empty : {"[]", "null", "\"\""})
    EXPECT_EQ(forms_of_sft(R"({"instruction":"i","output":"o","history":)" + std::string(empty) +
                           "}")["understood"]["prompt"],
              "instruction");
  for (const char* bad : {"5", "\"x\"", "[1]", R"([["a"]])", R"([["a",1]])", R"([["a","b","c"]])"})
    EXPECT_THAT(
        why_bad_example(R"({"instruction":"i","output":"o","history":)" + std::string(bad) + "}"),
        HasSubstr("history"))
        << bad;
}

TEST(SftRow, TheSystemColumnOfConversations) {
  json found = forms_of_sft(R"({"conversations":)" + kTurns + R"(,"system":"s"})");
  EXPECT_EQ(found["first"]["messages"][0], message("system", "s"));
  found = forms_of_sft(
      R"({"conversations":[{"from":"system","value":"own"},{"from":"gpt","value":"a"}],"system":"s"})");
  EXPECT_EQ(found["first"]["messages"][0], message("system", "own"));
  EXPECT_EQ(found["ignored"], json({"system"}));
  // Not of messages.
  EXPECT_EQ(forms_of_sft(R"({"messages":)" + kTurns + R"(,"system":"s"})")["ignored"],
            json({"system"}));
}

TEST(SftRow, SomethingMustBeLearned) {
  for (
      const char* row :
      {R"({"messages":[]})", R"({"messages":[{"role":"user","content":"u"}]})",
       R"({"messages":[{"role":"assistant","content":"a","weight":0}]})",
       R"({"prompt":[{"role":"assistant","content":"a"}],"completion":[{"role":"user","content":"u"}]})",
       R"({"prompt":[{"role":"user","content":"u"}],"completion":[]})"})
    EXPECT_THAT(why_bad_example(row), HasSubstr("assistant")) << row;
  EXPECT_EQ(
      why_bad_example(
          R"({"messages":[{"role":"assistant","content":"a"},{"role":"user","content":"u"}]})"),
      "");
}

TEST(SftRow, OnlyTheCompletionIsLearned) {
  const Row row = row_from_json(
      R"({"prompt":[{"role":"user","content":"u"},{"role":"assistant","content":"a"},{"role":"user","content":"v"}],
          "completion":[{"role":"assistant","content":"b"},{"role":"user","content":"w"},{"role":"assistant","content":"c","train":false},
                        {"role":"user","content":"x"},{"role":"assistant","content":"d"}]})",
      RowUse::kExample, "row");
  EXPECT_EQ(row.not_learned, (std::vector<size_t>{0, 2}));
  EXPECT_EQ(json::parse(row.messages).size(), 8u);
}

TEST(SftRow, ToolsEffortAndId) {
  const json found = forms_of_sft(
      R"({"text":"t","tools":["f","g"],"effort":3,"uuid":"x","info":"no json","extra_info":5,)"
      R"("reward_model":1,"completions":1})");
  EXPECT_EQ(found["understood"],
            json({{"text", "text"}, {"tools", "tools"}, {"effort", "effort"}, {"id", "uuid"}}));
  EXPECT_EQ(found["ignored"], json({"info", "extra_info", "reward_model", "completions"}));
  EXPECT_EQ(found["passed"], json::array());
  EXPECT_EQ(found["first"], json({{"text", "t"}, {"tools", 2}}));
  EXPECT_THAT(why_bad_example(R"({"text":"t","tools":5})"), HasSubstr("tools"));
  EXPECT_THAT(why_bad_example(R"({"text":"t","effort":"medium"})"), HasSubstr("effort"));
}

TEST(SftRow, FilesRefusedByName) {
  const auto refused = [](const std::string& row, RowUse use) {
    // Before what is wrong with other rows.
    const json found = tests::forms_of("{\n" + row + "\n", use);
    return found["rows"] == 0 ? found["why"][0].get<std::string>() : "";
  };
  const RowUse kRl = RowUse::kPrompt, kSft = RowUse::kExample;
  for (const RowUse use : {kRl, kSft})
    for (const char* row : {R"({"prompt":"p","chosen":"a","rejected":"b"})",
                            R"({"chosen_messages":[],"rejected_messages":[]})",
                            R"({"input":{},"preferred_output":[],"non_preferred_output":[]})",
                            R"({"prompt":"p","completion":"c","label":true})",
                            R"({"prompt":"p","completion":"c","label":false})"})
      EXPECT_THAT(refused(row, use), HasSubstr("preference")) << row;
  const std::string pair =
      R"({"prompt":"p","chosen":"a","rejected":"b","messages":)" + kTurns + "}";
  EXPECT_THAT(refused(pair, kRl), HasSubstr("preference"));
  EXPECT_EQ(refused(pair, kSft), "");
  EXPECT_EQ(refused(R"({"prompt":"p","chosen":"a","rejected":null})", kRl), "");
  EXPECT_EQ(refused(R"({"prompt":"p","completion":"c","label":1})", kSft), "");
  EXPECT_THAT(refused(R"({"prompt":"p","kto_tag":false,"messages":)" + kTurns + "}", kSft),
              HasSubstr("preference"));
  EXPECT_THAT(refused(R"({"prompt":"p","completions":["a"],"labels":[true]})", kRl),
              HasSubstr("stepwise"));
  for (const char* column : {"image", "images", "video", "videos", "audio", "audios"}) {
    const std::string begin = R"({"prompt":"p","text":"t",")" + std::string(column) + "\":";
    EXPECT_THAT(refused(begin + R"(["a.png"]})", kRl), HasSubstr(column));
    EXPECT_THAT(refused(begin + R"("a.png"})", kSft), HasSubstr(column));
    EXPECT_EQ(refused(begin + "null}", kRl), "");
    EXPECT_EQ(forms_of_sft(begin + "[]}")["ignored"], json({"prompt", column}));
  }
  EXPECT_THAT(refused(R"({"input_ids":[1,2],"labels":[1]})", kSft), HasSubstr("input_ids"));
  EXPECT_THAT(refused(R"({"input_ids":[1,2]})", kRl), HasSubstr("input_ids"));
  EXPECT_EQ(refused(R"({"input_ids":[1,2],"text":"t"})", kSft), "");
}

}  // namespace
}  // namespace amalgam::pipeline
