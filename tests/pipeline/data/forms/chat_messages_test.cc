#include "pipeline/data/forms/chat_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/encoding/message.h"
#include "pipeline/data/forms/bad_row.h"
#include "pipeline/data/forms/parse_json.h"

namespace amalgam::pipeline {
namespace {

using testing::HasSubstr;

// A list of messages as it is shown; what is wrong with it, if something is.
std::string shown(const std::string& list) {
  try {
    std::vector<model::UnusedMessageKey> unused;
    return shown_messages(chat_messages(parse_json(list).value, "messages", &unused)).dump();
  } catch (const BadRow& bad) {
    return bad.why;
  }
}
// Of one message.
std::string one(const std::string& message) { return shown("[" + message + "]"); }
// Of an assistant message, given and expected without their role.
std::string assistant(const std::string& members) {
  return one(R"({"role":"assistant",)" + members + "}");
}
std::string as_assistant(const std::string& members) {
  return R"([{"role":"assistant",)" + members + "}]";
}

TEST(ChatMessages, RolesOfBothForms) {
  const std::pair<const char*, const char*> kCases[] = {
      {"system", "system"}, {"developer", "system"}, {"user", "user"},
      {"human", "user"},    {"gpt", "assistant"},    {"assistant", "assistant"},
      {"tool", "tool"},     {"observation", "tool"}, {"function", "tool"}};
  for (const auto& [theirs, ours] : kCases) {
    const std::string expected = R"([{"role":")" + std::string(ours) + R"(","content":"c"}])";
    EXPECT_EQ(one(R"({"role":")" + std::string(theirs) + R"(","content":"c"})"), expected);
    EXPECT_EQ(one(R"({"from":")" + std::string(theirs) + R"(","value":"c"})"), expected);
  }
  for (const char* role : {"wizard", "User", "latest_reminder", ""})
    EXPECT_THAT(one(R"({"role":")" + std::string(role) + R"(","content":"c"})"),
                HasSubstr("\"" + std::string(role) + "\""));
  EXPECT_THAT(one(R"({"content":"c"})"), HasSubstr("role"));
  EXPECT_THAT(one(R"({"role":null,"content":"c"})"), HasSubstr("role"));
  EXPECT_THAT(one(R"({"role":3,"content":"c"})"), HasSubstr("role"));
  EXPECT_THAT(one("5"), HasSubstr("role"));
  EXPECT_THAT(shown("{}"), HasSubstr("messages"));
}

TEST(ChatMessages, ContentIsATextOrTextParts) {
  EXPECT_EQ(
      one(R"({"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})"),
      R"([{"role":"user","content":"a\n\nb"}])");
  EXPECT_EQ(one(R"({"role":"user","content":[]})"), R"([{"role":"user","content":""}])");
  EXPECT_EQ(one(R"({"role":"user","content":""})"), R"([{"role":"user","content":""}])");
  EXPECT_THAT(one(R"({"role":"user","content":[{"type":"image_url","image_url":"u"}]})"),
              HasSubstr("image_url"));
  for (const char* part :
       {R"({"type":"text"})", R"({"type":"text","text":null})", R"({"type":"text","text":1})"})
    EXPECT_THAT(one(R"({"role":"user","content":[)" + std::string(part) + "]}"),
                HasSubstr("\"text\""));
  EXPECT_THAT(one(R"({"role":"user","content":["a"]})"), HasSubstr("content"));
  for (const char* content : {"1", "true", "{}", "null"})
    EXPECT_THAT(one(R"({"role":"user","content":)" + std::string(content) + "}"),
                HasSubstr("content"));
  EXPECT_THAT(one(R"({"from":"human","value":null})"), HasSubstr("content"));
  EXPECT_THAT(one(R"({"role":"user"})"), HasSubstr("content"));
  EXPECT_THAT(one(R"({"role":"system","content":null})"), HasSubstr("content"));
}

TEST(ChatMessages, NullContentIsEmptyWhereSomethingElseIsSaid) {
  EXPECT_EQ(one(R"({"role":"tool","content":null})"), R"([{"role":"tool","content":""}])");
  EXPECT_EQ(assistant(R"("tool_calls":[{"function":{"name":"f"}}])"),
            as_assistant(R"("content":"","tool_calls":[{"name":"f","arguments":{}}])"));
  EXPECT_EQ(assistant(R"("content":null,"reasoning":"r")"),
            as_assistant(R"("content":"","reasoning_content":"r")"));
  EXPECT_THAT(assistant(R"("content":null)"), HasSubstr("content"));
  EXPECT_THAT(assistant(R"("content":null,"reasoning":"","tool_calls":[])"), HasSubstr("content"));
}

TEST(ChatMessages, KeysOfOtherRolesAndOthersAreDropped) {
  EXPECT_EQ(one(R"({"role":"user","content":"c","name":"Ann","tool_call_id":"i","tool_calls":[1],
                    "reasoning_content":"r","weight":7,"tools":[],"task":"x","learn":false})"),
            R"([{"role":"user","content":"c"}])");
  EXPECT_EQ(one(R"({"role":"tool","content":"c","name":"f","tool_call_id":"i","weight":0})"),
            R"([{"role":"tool","content":"c","tool_call_id":"i","name":"f"}])");
  EXPECT_EQ(one(R"({"role":"tool","content":"c","name":null,"tool_call_id":null})"),
            R"([{"role":"tool","content":"c"}])");
  std::vector<model::UnusedMessageKey> unused;
  chat_messages(parse_json(R"([{"role":"user","content":"c","name":"Ann","tool_calls":[1],"x":null},
      {"role":"assistant","content":"c","reasoning":"r","thinking":"t","train":1}])")
                    .value,
                "messages", &unused);
  EXPECT_EQ(unused, (std::vector<model::UnusedMessageKey>{
                        {"name", ""}, {"tool_calls", "user"}, {"thinking", ""}}));
}

TEST(ChatMessages, ToolCalls) {
  const auto calls = [](const std::string& list) {
    return assistant(R"("content":"","tool_calls":)" + list);
  };
  const auto called = [](const std::string& call) {
    return as_assistant(R"("content":"","tool_calls":[)" + call + "]");
  };
  const std::string f = R"({"name":"f","arguments":{"a":null}})";
  EXPECT_EQ(
      calls(R"([{"id":"i","type":"function","function":{"name":"f","arguments":{"a":null}}}])"),
      called(R"({"id":"i","name":"f","arguments":{"a":null}})"));
  EXPECT_EQ(calls(R"([{"function":{"name":"f","arguments":"{\"a\": null}"}}])"), called(f));
  EXPECT_EQ(calls(R"(["{\"function\": {\"name\": \"f\", \"arguments\": {\"a\": null}}}"])"),
            called(f));
  for (const char* empty : {"null", "\"\"", "\" \"", "{}", "\"{}\""})
    EXPECT_EQ(calls(R"([{"function":{"name":"f","arguments":)" + std::string(empty) + "}}]"),
              called(R"({"name":"f","arguments":{}})"));
  for (const char* bad :
       {"[]", "1", "\"x\"", "\"[1]\"", "\"null\"", R"("{\"a\":1,\"a\":2}")", "\"NaN\""})
    EXPECT_THAT(calls(R"([{"function":{"name":"f","arguments":)" + std::string(bad) + "}}]"),
                HasSubstr("arguments"))
        << bad;
  for (const char* bad :
       {R"([{"name":"f","arguments":{}}])", R"([{"function":"f"}])", "[1]", "[\"f(1)\"]",
        R"([{"function":{"arguments":{}}}])", R"([{"function":null}])"})
    EXPECT_THAT(calls(bad), HasSubstr("function")) << bad;
  EXPECT_THAT(calls("{}"), HasSubstr("tool_calls"));
  EXPECT_EQ(calls("[]"), as_assistant(R"("content":"")"));
}

TEST(ChatMessages, TheOldFunctionCall) {
  EXPECT_EQ(assistant(R"("content":null,"function_call":{"name":"f","arguments":"{\"a\":1}"})"),
            as_assistant(R"("content":"","tool_calls":[{"name":"f","arguments":{"a":1}}])"));
  EXPECT_EQ(assistant(R"("content":"c","function_call":null)"), as_assistant(R"("content":"c")"));
  EXPECT_THAT(assistant(R"("content":"c","function_call":"f")"), HasSubstr("function_call"));
  EXPECT_THAT(assistant(R"("content":"c","function_call":{})"), HasSubstr("function_call"));
}

TEST(ChatMessages, TheRoleFunctionCall) {
  const auto call = [](const std::string& value) {
    return one(R"({"from":"function_call","value":)" + value + "}");
  };
  const std::string f = R"({"name":"f","arguments":{"a":1}})", g = R"({"name":"g","arguments":{}})";
  const std::string both = as_assistant(R"("content":"","tool_calls":[)" + f + "," + g + "]");
  EXPECT_EQ(call(quoted_json(f)), as_assistant(R"("content":"","tool_calls":[)" + f + "]"));
  EXPECT_EQ(call(quoted_json("[" + f + "," + R"({"name":"g"})" + "]")), both);
  EXPECT_EQ(call(f), as_assistant(R"("content":"","tool_calls":[)" + f + "]"));
  EXPECT_EQ(one(R"({"role":"function_call","content":)" + quoted_json(g) + "}"),
            as_assistant(R"("content":"","tool_calls":[)" + g + "]"));
  EXPECT_EQ(one(R"({"from":"function_call","weight":0,"value":)" + quoted_json(g) + "}"),
            as_assistant(R"("content":"","tool_calls":[)" + g + R"(],"learn":false)"));
  for (const char* bad :
       {"\"f(1)\"", "null", "\"\"", "\"[]\"", "\"3\"", R"("{\"arguments\":{}}")", "\"[1]\""})
    EXPECT_THAT(call(bad), HasSubstr("function_call")) << bad;
  EXPECT_THAT(call(quoted_json(R"({"name":"f","arguments":"x"})")), HasSubstr("arguments"));
}

TEST(ChatMessages, ReasoningInAKey) {
  for (const char* key : {"reasoning_content", "reasoning", "thinking"})
    EXPECT_EQ(assistant("\"content\":\"c\",\"" + std::string(key) + "\":\"r\""),
              as_assistant(R"("content":"c","reasoning_content":"r")"));
  EXPECT_EQ(assistant(R"("content":"c","thinking":"t","reasoning":"r","reasoning_content":null)"),
            as_assistant(R"("content":"c","reasoning_content":"r")"));
  EXPECT_EQ(assistant(R"("content":"c","reasoning_content":"")"), as_assistant(R"("content":"c")"));
  EXPECT_THAT(assistant(R"("content":"c","reasoning":[1])"), HasSubstr("think"));
}

TEST(ChatMessages, ReasoningInTheContent) {
  const auto split = [](const std::string& content) {
    return assistant("\"content\":" + quoted_json(content));
  };
  const auto both = [](const std::string& content, const std::string& reasoning) {
    return as_assistant("\"content\":" + quoted_json(content) +
                        ",\"reasoning_content\":" + quoted_json(reasoning));
  };
  const auto text = [](const std::string& content) {
    return as_assistant("\"content\":" + quoted_json(content));
  };
  EXPECT_EQ(split("<think>r</think>a"), both("a", "r"));
  EXPECT_EQ(split("<think>\n\nr\n s\n</think>\n\r\n a\n"), both(" a\n", "r\n s"));
  EXPECT_EQ(split("r</think>a"), both("a", "r"));  // the prompt had opened it
  EXPECT_EQ(split("<think></think>a"), text("a"));
  EXPECT_EQ(split("<think>\n\n</think>\n\na"), text("a"));
  EXPECT_EQ(split("</think>a"), text("a"));
  EXPECT_EQ(split("<think>r</think>"), both("", "r"));
  // The first end counts; what comes later is text.
  EXPECT_EQ(split("<think>r</think>a</think>b"), both("a</think>b", "r"));
  EXPECT_EQ(split("<think>r<think>s</think>a"), both("a", "r<think>s"));
  EXPECT_EQ(split("r</think>a<think>b</think>"), both("a<think>b</think>", "r"));
  EXPECT_EQ(split("a <think>b</think> c"), text("a <think>b</think> c"));
  EXPECT_EQ(split(" <think>b</think>"), text(" <think>b</think>"));
  EXPECT_EQ(split("a <think>b"), text("a <think>b"));
  EXPECT_EQ(split("no tags"), text("no tags"));
  EXPECT_THAT(split("<think>r"), HasSubstr("think"));
  EXPECT_THAT(split("<think>"), HasSubstr("think"));
  for (const char* content : {"<think>r</think>a", "r</think>a", "<think>r"})
    EXPECT_THAT(assistant("\"reasoning\":\"x\",\"content\":" + quoted_json(content)),
                HasSubstr("think"));
  EXPECT_EQ(assistant(R"("reasoning":"x","content":"a <think>b</think>")"),
            both("a <think>b</think>", "x"));
  EXPECT_EQ(assistant(R"("reasoning":"","content":"<think>r</think>a")"), both("a", "r"));
  EXPECT_EQ(
      assistant(
          R"("content":[{"type":"text","text":"<think>r"},{"type":"text","text":"s</think>a"}])"),
      both("a", "r\n\ns"));
  // Of assistants only.
  EXPECT_EQ(one(R"({"role":"user","content":"<think>r</think>a"})"),
            R"([{"role":"user","content":"<think>r</think>a"}])");
}

TEST(ChatMessages, Weights) {
  for (const char* key : {"weight", "train", "loss_weight"}) {
    const std::string begin = "\"content\":\"c\",\"" + std::string(key) + "\":";
    for (const char* zero : {"0", "false", "0.0"})
      EXPECT_EQ(assistant(begin + zero), as_assistant(R"("content":"c","learn":false)"));
    for (const char* whole : {"1", "true", "1.0", "null"})
      EXPECT_EQ(assistant(begin + whole), as_assistant(R"("content":"c")"));
    for (const char* bad : {"0.5", "2", "-1", "\"0\"", "[]"})
      EXPECT_THAT(assistant(begin + bad), HasSubstr("weight")) << bad;
  }
  EXPECT_EQ(one(R"({"role":"user","content":"c","weight":0.5})"),
            R"([{"role":"user","content":"c"}])");
}

TEST(ChatMessages, TheEncoderReadsThem) {
  std::vector<model::UnusedMessageKey> unused;
  const auto messages = model::messages_from_json(
      encoder_messages(chat_messages(
          parse_json(R"([{"role":"developer","content":"s"},{"from":"human","value":"u"},
              {"role":"assistant","content":null,"weight":0,"tool_calls":[{"id":"i","function":{"name":"f","arguments":{"a":[1]}}}]},
              {"role":"tool","tool_call_id":"i","content":"t"},{"role":"assistant","content":"<think>r</think>a"}])")
              .value,
          "messages", &unused)),
      "m");
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_EQ(messages[0].role, model::MessageRole::kSystem);
  EXPECT_EQ(messages[2].tool_calls[0].arguments_json, "{\"a\":[1]}");
  EXPECT_EQ(messages[2].tool_calls[0].id, "i");
  EXPECT_EQ(messages[3].tool_call_id, "i");
  EXPECT_EQ(messages[4].content + messages[4].reasoning_content, "ar");
}

}  // namespace
}  // namespace amalgam::pipeline
