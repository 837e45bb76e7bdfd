#include "model/encoding/effort.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/error.h"
#include "model/tokenizer/encoding_text.h"

namespace amalgam::model {
namespace {

using configs::EffortForm;

std::string written(const std::string& effort, EffortForm form, std::vector<Message> messages) {
  EncodeOptions options;
  write_effort(effort, form, &options, &messages);
  return encode_messages(messages, options).text;
}

const Message kQuestion{.role = MessageRole::kUser, .content = "q"};
const Message kSystem{.role = MessageRole::kSystem, .content = "Be brief."};
const std::string kBegin = "<｜begin▁of▁sentence｜>";

TEST(WriteEffort, ByTheEncoding) {
  EXPECT_EQ(written("none", EffortForm::kEncoding, {kQuestion}),
            kBegin + "<｜User｜>q<｜Assistant｜></think>");
  EXPECT_EQ(written("high", EffortForm::kEncoding, {kQuestion}),
            kBegin + "<｜User｜>q<｜Assistant｜><think>");
  EXPECT_EQ(written("max", EffortForm::kEncoding, {kQuestion}),
            kBegin + std::string(kMaxEffortText) + "<｜User｜>q<｜Assistant｜><think>");
}

TEST(WriteEffort, WhatTheEncodingCannotWriteIsRefusedByName) {
  for (const char* effort : {"low", "40"}) {
    try {
      (void)written(effort, EffortForm::kEncoding, {kQuestion});
      ADD_FAILURE() << effort;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(),
                  testing::HasSubstr("cannot write the effort '" + std::string(effort) + "'"));
    }
  }
}

TEST(WriteEffort, ByALineWithTheThinkTagOpen) {
  for (const char* effort : {"none", "low", "high", "max", "1", "100"})
    EXPECT_EQ(written(effort, EffortForm::kLine, {kQuestion}),
              kBegin + "Reasoning Effort: " + effort + "<｜User｜>q<｜Assistant｜><think>");
  EXPECT_EQ(written("7", EffortForm::kLine, {kSystem, kQuestion}),
            kBegin + "Reasoning Effort: 7\n\nBe brief.<｜User｜>q<｜Assistant｜><think>");
  EXPECT_TRUE(thinks_at("none", EffortForm::kLine));
  EXPECT_FALSE(thinks_at("none", EffortForm::kEncoding));
}

}  // namespace
}  // namespace amalgam::model
