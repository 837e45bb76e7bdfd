#include "pipeline/data/unused_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace amalgam::pipeline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(UnusedKeys, AreSaidOnceWithTheNearestName) {
  UnusedKeys unused("rows.jsonl");
  EXPECT_THAT(unused.lines(), IsEmpty());
  const std::vector<std::string> known = {"prompt", "extra_info"};
  unused.add_row({"prompt", "extra_inf"}, known);
  unused.add_row({"prompt", "extra_inf", "rubric"}, known);
  EXPECT_THAT(
      unused.lines(),
      ElementsAre(
          "rows.jsonl: column \"extra_inf\" is not used; did you mean \"extra_info\"? (2 rows)",
          "rows.jsonl: column \"rubric\" is not used (1 row)"));
}

TEST(UnusedKeys, OfMessages) {
  std::vector<model::UnusedMessageKey> keys;
  model::messages_from_json(R"([
      {"role": "user", "content": [{"type": "text", "text": "a", "detail": 1}], "name": "b"},
      {"role": "assistant", "reasoning": "r", "content": "c", "refusal": null,
       "tool_calls": [{"index": 0, "id": "1", "type": "function",
                       "function": {"name": "f", "arguments": "{}", "strict": true}}]},
      {"role": "tool", "content": "d", "tool_call_id": "1"},
      {"role": "assistant", "reasoning": "r", "content": "c"}])",
                            "t", &keys);
  UnusedKeys unused("rows.jsonl");
  unused.add_messages(keys);
  EXPECT_THAT(
      unused.lines(),
      ElementsAre("rows.jsonl: key \"content.detail\" of messages is not used (1 row)",
                  "rows.jsonl: key \"name\" of messages is not used (1 row)",
                  "rows.jsonl: key \"reasoning\" of messages is not used; did you mean "
                  "\"reasoning_content\"? (1 row)",
                  "rows.jsonl: key \"tool_calls.function.strict\" of messages is not used (1 row)",
                  "rows.jsonl: key \"tool_calls.index\" of messages is not used (1 row)"));
}

TEST(UnusedKeys, OfMessagesThatAnotherRoleHas) {
  std::vector<model::UnusedMessageKey> keys;
  model::messages_from_json(R"([
      {"role": "user", "content": "a", "reasoning_content": "r", "tool_call_id": "1"},
      {"role": "assistant", "content": "c", "response_format": {"type": "object"}, "tool_calls": []},
      {"role": "tool", "content": "d", "task": "action"}])",
                            "t", &keys);
  EXPECT_THAT(keys, ElementsAre(model::UnusedMessageKey{"reasoning_content", "user"},
                                model::UnusedMessageKey{"tool_call_id", "user"},
                                model::UnusedMessageKey{"response_format", "assistant"},
                                model::UnusedMessageKey{"task", "tool"}));
}

}  // namespace
}  // namespace amalgam::pipeline
